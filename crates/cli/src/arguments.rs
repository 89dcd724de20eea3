mod plugin;
mod tip;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ringfence_lab::control::protocol::Agents;

use crate::commands::zones::Profile;
use crate::commands::{
    agent, audit, check, convert, diff, explain, flows, guard, host_firewall, lock, matrix, replay,
    rules, status, suggest, test, trace, uninstall, verify, zones,
};
use crate::inputs::FileArguments;
use crate::output::output_formats;
pub(crate) use plugin::{FILE_NAME as PLUGIN, as_plugin};

/// Network security for Kubernetes: write policies, see what they do, prove it on real packets.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How long a connection attempt may wait, in milliseconds.
pub(crate) fn patience() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=600_000)
}

/// The arguments in `words`. Ends the program where they cannot be used, or where help is asked for.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Arguments {
    Arguments::try_parse_from(words).unwrap_or_else(|error| tip::with_tip(error).exit())
}

const PROGRAM: &str = "ringfence";

/// The program without what it starts by itself, for lists of what people type.
pub(crate) fn visible() -> clap::Command {
    let all = Arguments::command();
    let commands = all
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    clap::Command::default()
        .name(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments())
        .subcommands(commands.cloned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the whole story of network policies on a three-node cluster, with real connections
    #[command(
        after_help = "Examples:\n  ringfence demo\n  ringfence demo --pause\n  ringfence demo --output json | jq .agreed"
    )]
    Demo(DemoArguments),
    /// Say what is wrong with manifests, and what in them probably means something else
    #[command(
        mut_arg("files", |files| files.required(false).required_unless_present_any(["explain", "list", "kubeconfig", "context"])),
        mut_arg("skip_invalid", |skip| skip.hide(true)),
        after_help = check::EXAMPLES
    )]
    Check(check::CheckArguments),
    /// Say whether a connection may be opened, and which lines of which manifests say so
    #[command(after_help = explain::after_help())]
    Explain(explain::ExplainArguments),
    /// Show which kernel objects policies became, and which policies stand behind an object
    #[command(after_help = rules::arguments::EXAMPLES)]
    Rules(rules::arguments::RulesArguments),
    /// Run a multi-node cluster on this machine, made of network namespaces
    #[command(
        after_help = "Examples:\n  ringfence lab up -f manifests/\n  ringfence lab probe default/client web-app.netpol-demo 80\n  ringfence lab down"
    )]
    Lab {
        #[command(subcommand)]
        command: LabCommand,
    },
    /// Judge assertions about who can talk to whom, for continuous integration
    #[command(after_help = test::EXAMPLES)]
    Test(test::TestArguments),
    /// Show what may be opened after a change and could not before, and the reverse
    #[command(after_help = diff::arguments::EXAMPLES)]
    Diff(diff::arguments::DiffArguments),
    /// Write what may be opened to a file to keep beside the manifests, or compare it with one
    #[command(after_help = lock::arguments::EXAMPLES)]
    Lock(lock::arguments::LockArguments),
    /// Show what became of packets: which were dropped, of whom, and why
    #[command(after_help = flows::EXAMPLES)]
    Flows(flows::FlowsArguments),
    /// Say which recorded flows candidate policies would cut or newly open
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::ReplayArguments),
    /// Try a connection in a lab, and show what each node did with it
    #[command(after_help = trace::EXAMPLES)]
    Trace(trace::TraceArguments),
    /// Show what every workload may open to every other
    #[command(after_help = matrix::arguments::EXAMPLES)]
    Matrix(matrix::arguments::MatrixArguments),
    /// Compare what may pass between zones of trust with what is intended; show ways through a cluster, and their cuts
    #[command(after_help = zones::EXAMPLES)]
    Zones(zones::ZonesArguments),
    /// Measure by which principles of network security workloads live, with a score and evidence
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::AuditArguments),
    /// Prove that the rules in the kernel of a node equal the policies, for all packets
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::VerifyArguments),
    /// Write policies that keep pods from what they never need, and prove on manifests that they do
    #[command(after_help = guard::EXAMPLES)]
    Guard {
        #[command(subcommand)]
        command: guard::GuardCommand,
    },
    /// Close nodes to all but whom rules let in, tried out before it stays
    #[command(after_help = host_firewall::EXAMPLES)]
    HostFirewall {
        #[command(subcommand)]
        command: host_firewall::HostFirewallCommand,
    },
    /// Suggest a default deny and the least policies for what the manifests show is needed
    #[command(after_help = suggest::EXAMPLES)]
    Suggest(suggest::SuggestArguments),
    /// Write policies of Calico and Cilium as policies of Kubernetes that mean the same, or say what has no equivalent
    #[command(after_help = convert::EXAMPLES)]
    Convert(convert::ConvertArguments),
    /// Keep the rules of this node of a cluster what the cluster's policies ask for, until told to end
    #[command(after_help = agent::EXAMPLES)]
    Agent(agent::AgentArguments),
    /// Show on which nodes of a live cluster agents enforce what they heard
    #[command(after_help = status::EXAMPLES)]
    Status(status::StatusArguments),
    /// Take from this node what ringfence put there, when its agent has ended for good
    #[command(after_help = uninstall::EXAMPLES)]
    Uninstall(uninstall::UninstallArguments),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command
    #[command(
        after_help = "Examples:\n  ringfence man | man -l -\n  ringfence man --directory ~/.local/share/man/man1"
    )]
    Man {
        /// Where to write `ringfence.1`, `ringfence-explain.1` and the others
        #[arg(long)]
        directory: Option<PathBuf>,
    },
    /// Parts that ringfence starts by itself
    #[command(hide = true)]
    Internal {
        #[command(subcommand)]
        role: Role,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Wait for Enter between the steps
    #[arg(long)]
    pub(crate) pause: bool,
    /// Leave the lab running at the end
    #[arg(long)]
    pub(crate) keep: bool,
    /// Name of the lab
    #[arg(long, default_value = "ringfence-demo")]
    pub(crate) name: String,
    /// Text for people or JSON for machines
    #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
    pub(crate) output: OutputFormat,
    /// The control experiment: leave policies unenforced, so that every denial must fail
    #[arg(long, hide = true)]
    pub(crate) without_enforcement: bool,
}

output_formats!(OutputFormat { Text, Json });

/// How the agents of a lab hear of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AgentSource {
    /// The lab tells them of each change before it is stored
    Lab,
    /// They follow the lab's Kubernetes API, with what the chart installs: settings, account, role, and the plugin's network
    Kubernetes,
}

impl From<AgentSource> for Agents {
    fn from(source: AgentSource) -> Self {
        match source {
            AgentSource::Lab => Self::Lab,
            AgentSource::Kubernetes => Self::Kubernetes,
        }
    }
}

/// Which lab a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct LabName {
    /// Name of the lab
    #[arg(long, default_value = ringfence_lab::DEFAULT_NAME, env = "RINGFENCE_LAB")]
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Start a lab; it runs in the background until `lab down`
    #[command(
        mut_arg("files", |files| files.required(false)),
        after_help = "Examples:\n  ringfence lab up\n  ringfence lab up --config multi-node-kind.yaml -f manifests/\n  ringfence lab up -f cluster/\n  ringfence lab up --snapshot my-lab.json\n  ringfence lab up --profile managed\n  ringfence lab up --agents kubernetes\n  ringfence lab up --image-dir images/\n  helm template ./chart | ringfence lab up -f -"
    )]
    Up {
        #[command(flatten)]
        lab: LabName,
        /// kind configuration with names, roles and subnets; without it the one among the manifests, else one control plane and
        /// two workers
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        manifests: FileArguments,
        /// The control experiment: compile no isolation, so that every pod reaches every pod
        #[arg(long)]
        without_enforcement: bool,
        /// Let nodes record connections that policies allow, too, for `ringfence flows`
        #[arg(long)]
        record_allowed: bool,
        /// Where to write the file that makes kubectl speak to the lab; it stays when the lab ends. Without it the file is in
        /// memory and gone with the lab
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
        /// Go on with the objects of FILE, if there is one, and keep them there: a lab that ends, however that happens, can be
        /// started again. Pods run anew. The file may hold Secrets; it is the user's alone
        #[arg(long, value_name = "FILE")]
        snapshot: Option<PathBuf>,
        /// Run the images that DIR has as OCI image layouts, such as `skopeo copy docker://nginx:1.29 oci:DIR/nginx:1.29` writes
        /// them; something stands in for all others
        #[arg(long, value_name = "DIR")]
        image_dir: Option<PathBuf>,
        /// Who runs the control plane
        #[arg(long, value_enum, default_value_t = Profile::Unmanaged)]
        profile: Profile,
        /// How the nodes' agents hear of the cluster
        #[arg(long, value_enum, default_value_t = AgentSource::Lab, conflicts_with = "without_enforcement")]
        agents: AgentSource,
    },
    /// Show nodes, pods, Services and policies
    #[command(
        after_help = "Examples:\n  ringfence lab status\n  ringfence lab status -o json | jq -r '.nodes[].name'"
    )]
    Status {
        #[command(flatten)]
        lab: LabName,
        /// Text for people or JSON for machines
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// List this user's running labs
    #[command(
        after_help = "Examples:\n  ringfence lab list\n  ringfence lab list -o json | jq -r '.[]'"
    )]
    List {
        /// Text for people or JSON for machines
        #[arg(short, long, value_enum, default_value_t = OutputFormat::Text)]
        output: OutputFormat,
    },
    /// Create or change the objects of manifests
    #[command(
        after_help = "Examples:\n  ringfence lab apply -f default-deny-ingress.yaml\n  kubectl kustomize overlay | ringfence lab apply -f -"
    )]
    Apply {
        #[command(flatten)]
        lab: LabName,
        #[command(flatten)]
        manifests: FileArguments,
        /// Namespace for objects that name none
        #[arg(short, long, default_value = "default")]
        namespace: String,
    },
    /// Delete the objects of manifests
    #[command(
        after_help = "Examples:\n  ringfence lab delete -f default-deny-ingress.yaml\n  helm template ./chart | ringfence lab delete -f -"
    )]
    Delete {
        #[command(flatten)]
        lab: LabName,
        #[command(flatten)]
        manifests: FileArguments,
        /// Namespace for objects that name none
        #[arg(short, long, default_value = "default")]
        namespace: String,
    },
    /// Set or remove labels of a namespace or pod
    #[command(
        after_help = "Examples:\n  ringfence lab label namespace default purpose=frontend\n  ringfence lab label pod default/client role-"
    )]
    Label {
        #[command(flatten)]
        lab: LabName,
        /// What kind of object
        kind: LabelKind,
        /// Its name; NAMESPACE/NAME for a pod
        object: String,
        /// KEY=VALUE to set, KEY- to remove
        #[arg(required = true)]
        labels: Vec<String>,
    },
    /// Run a command in a pod
    #[command(
        after_help = "Examples:\n  ringfence lab exec default/client -- curl -m 2 web-app.netpol-demo\n  ringfence lab exec default/client -- sh"
    )]
    Exec {
        #[command(flatten)]
        lab: LabName,
        /// The pod, as NAMESPACE/NAME or NAME in the namespace default
        pod: String,
        /// The command, a program of this machine
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Try one connection from a pod, a node or outside with the built-in client
    #[command(
        after_help = "Exit code: 0 reached, 1 not reached.\n\nExamples:\n  ringfence lab probe default/client web-app.netpol-demo 80\n  ringfence lab probe default/client 10.96.0.10 53 --protocol udp\n  ringfence lab probe outside 172.18.0.3 30080"
    )]
    Probe {
        #[command(flatten)]
        lab: LabName,
        /// A pod, as NAMESPACE/NAME or NAME in the namespace default; node/NAME; or outside, the host that is not of the cluster
        from: String,
        /// Host name or address
        target: String,
        /// Port
        #[arg(value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
        /// Protocol
        #[arg(long, value_enum, default_value_t = ProbeProtocol::Tcp)]
        protocol: ProbeProtocol,
        /// How long to wait for an answer
        #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS", value_parser = patience())]
        timeout: u64,
    },
    /// Show what a pod's containers have printed
    #[command(after_help = "Example:\n  ringfence lab logs netpol-demo/web-app-0")]
    Logs {
        #[command(flatten)]
        lab: LabName,
        /// The pod, as NAMESPACE/NAME or NAME in the namespace default
        pod: String,
    },
    /// End a node's agent with SIGKILL; it is started again, and nothing opens meanwhile
    #[command(after_help = "Example:\n  ringfence lab kill-agent kind-worker")]
    KillAgent {
        #[command(flatten)]
        lab: LabName,
        /// The node
        node: String,
    },
    /// End a lab and everything in it
    #[command(
        after_help = "Examples:\n  ringfence lab down\n  ringfence lab down --name ringfence-demo"
    )]
    Down {
        #[command(flatten)]
        lab: LabName,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelKind {
    #[value(alias = "ns")]
    Namespace,
    Pod,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProbeProtocol {
    Tcp,
    Udp,
    Http,
}

/// What this binary does inside of a lab or on a node.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    LabHost,
    LabInit,
    Lab,
    PodSandbox,
    PodInit,
    PodContainer,
    PodExec {
        pid: u32,
        #[arg(long)]
        container: Option<PathBuf>,
        #[arg(long)]
        builtin: bool,
        #[arg(long)]
        terminal: bool,
        #[arg(last = true)]
        command: Vec<String>,
    },
    Agent {
        #[arg(long)]
        config: PathBuf,
    },
    /// Answers on a container's ports; its description is one JSON line on standard input.
    Responder,
    Metadata {
        addresses: Vec<std::net::SocketAddr>,
    },
    /// The stand-in for a host outside of the cluster.
    Outside,
    /// Serves the cluster's names; its configuration is one JSON line on standard input.
    Dns,
    /// Tries the connections described on standard input.
    Probe,
    /// Keeps one connection open, described on standard input, and reports on it.
    Stream,
    /// The commands of the test image `agnhost`.
    #[command(disable_help_flag = true)]
    Agnhost {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The `curl` of machines that have none.
    #[command(disable_help_flag = true)]
    Curl {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Hands a question to the agent of this node, and its answer back; for those who ask through the API of a cluster.
    Status {
        request: String,
        #[arg(long, default_value = verify::SOCKET)]
        socket: PathBuf,
    },
}
