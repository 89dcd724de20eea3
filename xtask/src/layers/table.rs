//! The table of layers: lower crates first.

/// A crate of ringfence and its place.
#[derive(Debug)]
pub(super) struct Layer {
    /// The folder in `crates/`.
    pub(super) name: &'static str,
    pub(super) duty: Duty,
    /// The crates of ringfence it may depend on.
    pub(super) uses: &'static [&'static str],
    /// Why it may use no more, to follow a colon.
    pub(super) because: &'static str,
}

/// What a crate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Computes values from values: no files, sockets, clocks, processes, environment.
    Pure,
    /// Talks to the kernel, to files, to the network or to the user.
    Io,
    /// Helps tests, and is in no program.
    DevelopmentOnly,
}

pub(super) const LAYERS: &[Layer] = &[
    Layer {
        name: "net",
        duty: Duty::Pure,
        uses: &[],
        because: "every crate speaks in its words, so it knows none of them",
    },
    Layer {
        name: "model",
        duty: Duty::Pure,
        uses: &["net"],
        because: "a policy means the same whoever judges by it, so its types know no judge",
    },
    Layer {
        name: "reference",
        duty: Duty::Pure,
        uses: &["net", "model"],
        because: "it is the second opinion; with code of the compiler it would share its mistakes",
    },
    Layer {
        name: "policy",
        duty: Duty::Pure,
        uses: &["net", "model"],
        because: "it answers by an index what the reference answers by reading; with code of the reference the \
                  comparison of the two would prove nothing",
    },
    Layer {
        name: "reach",
        duty: Duty::Pure,
        uses: &["net", "model", "policy"],
        because: "its claims about whole clusters rest on the engine alone; files and text are the command line's",
    },
    Layer {
        name: "convert",
        duty: Duty::Pure,
        uses: &["net", "model"],
        because: "it writes policies and judges none; with code of a judge the comparison of its answers with that \
                  judge's would prove nothing",
    },
    Layer {
        name: "ruleset",
        duty: Duty::Pure,
        uses: &["net"],
        because: "it judges packets by nftables objects alone; knowing policies it could agree with \
                  the compiler about an answer that the kernel does not give",
    },
    Layer {
        name: "compile",
        duty: Duty::Pure,
        uses: &["net", "model", "ruleset"],
        because: "a cluster and a node go in, a table comes out; it neither asks the kernel nor the \
                  reference that it is tested against",
    },
    Layer {
        name: "verify",
        duty: Duty::Pure,
        uses: &["net", "model", "policy", "ruleset"],
        because: "it says whether a table does what the policies ask; with code of the compiler it would believe \
                  what it is to check",
    },
    Layer {
        name: "netlink",
        duty: Duty::Io,
        uses: &["net", "ruleset"],
        because: "it carries out what it is handed and decides nothing, so it sees no policy",
    },
    Layer {
        name: "cni",
        duty: Duty::Io,
        uses: &["net", "netlink"],
        because: "a container runtime starts it by itself; it wires a pod and knows no policy",
    },
    Layer {
        name: "agent",
        duty: Duty::Io,
        uses: &[
            "net", "model", "policy", "ruleset", "compile", "verify", "netlink", "cni",
        ],
        because: "the same agent runs in the lab and on a cluster, so it knows neither",
    },
    Layer {
        name: "apiserver",
        duty: Duty::Io,
        uses: &["model"],
        because: "it serves objects and knows no node: whoever runs it makes true elsewhere what is written",
    },
    Layer {
        name: "controllers",
        duty: Duty::Io,
        uses: &["apiserver"],
        because: "it decides by objects alone and writes them through the API, so it knows no node and no pod's process",
    },
    Layer {
        name: "kube",
        duty: Duty::Io,
        uses: &["model"],
        because: "it hands over what a cluster says, word for word; what that means is for those who judge",
    },
    Layer {
        name: "dns",
        duty: Duty::Io,
        uses: &["net", "model"],
        because: "names are answered from the cluster's objects; rules are not its business",
    },
    Layer {
        name: "standin",
        duty: Duty::Io,
        uses: &["net"],
        because: "it plays a pod's program, and a pod's program knows nothing of ringfence",
    },
    Layer {
        name: "image",
        duty: Duty::Io,
        uses: &[],
        because: "it reads images as files; what runs of them, and for whom, it does not know",
    },
    Layer {
        name: "lab",
        duty: Duty::Io,
        uses: &[
            "net",
            "model",
            "reference",
            "ruleset",
            "compile",
            "netlink",
            "cni",
            "agent",
            "apiserver",
            "controllers",
            "dns",
            "image",
            "standin",
        ],
        because: "it builds a cluster of the real parts; the command line and tests stand above it",
    },
    Layer {
        name: "cli",
        duty: Duty::Io,
        uses: &[
            "net",
            "model",
            "reference",
            "policy",
            "reach",
            "convert",
            "ruleset",
            "compile",
            "verify",
            "netlink",
            "cni",
            "agent",
            "kube",
            "dns",
            "standin",
            "lab",
        ],
        because: "it is the program, so it holds everything but what only tests need",
    },
    Layer {
        name: "testkit",
        duty: Duty::DevelopmentOnly,
        uses: &[
            "net",
            "model",
            "reference",
            "policy",
            "ruleset",
            "compile",
            "netlink",
        ],
        because: "it compares answers; whoever gives one uses it in its tests, and not the reverse",
    },
    Layer {
        name: "conformance",
        duty: Duty::DevelopmentOnly,
        uses: &[
            "net",
            "model",
            "reference",
            "policy",
            "ruleset",
            "compile",
            "verify",
            "netlink",
            "cni",
            "verify",
            "testkit",
        ],
        because: "it asks the kernel what the other answers say; agents and labs have tests of their own",
    },
];

/// What pure crates may use from outside: each computes, and starts, opens and waits for nothing.
pub(super) const PURE_LIBRARIES: &[&str] = &[
    "annotate-snippets",
    "fixedbitset",
    "granit-parser",
    "ipnet",
    "rangemap",
    "serde",
    "serde_ignored",
    "serde_json",
    "serde_path_to_error",
    "similar",
    "strsim",
    "thiserror",
    "time",
];

/// What a pure crate may not reach, over any number of steps.
pub(super) const IMPURE_LIBRARIES: &[&str] = &[
    "anyhow",
    "clap",
    "k8s-openapi",
    "kube",
    "mio",
    "netlink-sys",
    "nix",
    "rustix",
    "socket2",
    "tokio",
];

pub(super) const WHY_PURE: &str = "A pure crate's answer depends on its arguments alone: that is \
                                   what lets tests run thousands of clusters through it.";

pub(super) fn layer(name: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.name == name)
}
