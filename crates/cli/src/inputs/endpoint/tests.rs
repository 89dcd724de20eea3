use super::*;

fn parse(text: &str) -> EndpointArgument {
    EndpointArgument::parse(text, "here").unwrap()
}

fn refusal(text: &str) -> String {
    let error = EndpointArgument::parse(text, "here").unwrap_err();
    format!("{error:#}").lines().next().unwrap().to_owned()
}

#[test]
fn every_form_has_one_meaning_and_is_read_back_in_any_namespace() {
    let table = [
        // Pods.
        ("web-0", "here/web-0"),
        (" web-0 ", "here/web-0"),
        ("demo/web-0", "demo/web-0"),
        ("demo/web.0", "demo/web.0"),
        ("pod/web-0", "here/web-0"),
        ("po/demo/web-0", "demo/web-0"),
        ("demo/pod/web-0", "demo/web-0"),
        ("12345", "here/12345"),
        // Words that are kinds as well are kinds; the first one counts.
        ("job/x", "here/job/x"),
        ("pod/job/x", "pod/job/x"),
        ("deploy/svc/x", "deployment/svc/x"),
        ("jobs/x", "here/job/x"),
        // Workloads.
        ("deploy/web", "here/deployment/web"),
        ("demo/deploy/web", "demo/deployment/web"),
        ("jobs/cronjob/backup", "cronjob/jobs/backup"),
        ("cronjob/jobs/backup", "cronjob/jobs/backup"),
        ("pod/deploy/web", "pod/deploy/web"),
        ("deployment/demo/web", "demo/deployment/web"),
        ("Deployment/demo/web", "demo/deployment/web"),
        ("demo/sts/db", "demo/statefulset/db"),
        ("demo/ds/log", "demo/daemonset/log"),
        ("demo/rs/web", "demo/replicaset/web"),
        ("demo/rc/web", "demo/replicationcontroller/web"),
        ("demo/job/load", "demo/job/load"),
        ("demo/cj/load", "demo/cronjob/load"),
        ("demo/cronjobs/load", "demo/cronjob/load"),
        // New pods.
        ("demo/[app=web,tier=front]", "demo/[app=web,tier=front]"),
        ("demo/[tier=front, app=web]", "demo/[app=web,tier=front]"),
        ("[app=web]", "here/[app=web]"),
        ("svc/[app==web]", "svc/[app=web]"),
        ("demo/[]", "demo/[]"),
        ("[ ]", "here/[]"),
        ("demo/[example.com/app=]", "demo/[example.com/app=]"),
        // Services.
        ("svc/web", "svc/here/web"),
        ("svc/demo/web", "svc/demo/web"),
        ("demo/service/web", "svc/demo/web"),
        ("web.demo.svc", "svc/demo/web"),
        ("web.demo.svc.cluster.local", "svc/demo/web"),
        ("Web.demo.svc.cluster.local.", "svc/demo/web"),
        // Nodes.
        ("node/worker-1", "node/worker-1"),
        ("no/ip-10-0-0-1.internal", "node/ip-10-0-0-1.internal"),
        // Addresses.
        ("10.0.0.7", "10.0.0.7"),
        ("fd00::7", "fd00::7"),
        ("[fd00:0::7]", "fd00::7"),
        ("::1", "::1"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        // Words.
        ("internet", "internet"),
        ("Metadata", "metadata"),
        ("apiserver", "apiserver"),
        ("dns", "dns"),
        ("pod/dns", "here/dns"),
        ("demo/dns", "demo/dns"),
        // A kind of another project.
        ("demo/Rollout/web", "demo/rollout/web"),
    ];
    for (text, expected) in table {
        let found = parse(text);
        assert_eq!(found.to_string(), expected, "{text}");
        assert_eq!(
            EndpointArgument::parse(expected, "elsewhere").unwrap(),
            found,
            "{expected}"
        );
    }
}

#[test]
fn values_are_what_they_say() {
    let web = ObjectName::new("demo", "web");
    assert_eq!(parse("demo/web"), EndpointArgument::Pod(web.clone()));
    assert_eq!(
        parse("svc/demo/web"),
        EndpointArgument::Service(web.clone())
    );
    assert_eq!(
        parse("demo/deploy/web"),
        EndpointArgument::Workload("deployment".to_owned(), web.clone())
    );
    assert_eq!(
        parse("demo/Rollout/web"),
        EndpointArgument::Workload("rollout".to_owned(), web)
    );
    assert_eq!(parse("node/w"), EndpointArgument::Node("w".to_owned()));
    assert_eq!(
        parse("[app=web]"),
        EndpointArgument::NewPod {
            namespace: "here".to_owned(),
            labels: Labels::from([("app".to_owned(), "web".to_owned())]),
        }
    );
}

#[test]
fn what_is_no_endpoint_is_refused_with_the_reason() {
    let table = [
        ("", "an endpoint is missing"),
        ("a/b/c/d", "`a/b/c/d` has too many parts"),
        (
            "demo/deplyoment/web",
            "`demo/deplyoment/web`: neither `demo` nor `deplyoment` is a kind (did you mean `deployment`?)",
        ),
        (
            "servcie/demo/web",
            "`servcie/demo/web`: neither `servcie` nor `demo` is a kind (did you mean `service`?)",
        ),
        (
            "node/demo/web",
            "`node/demo/web`: a node is in no namespace: write node/demo",
        ),
        (
            "demo/node/web",
            "`demo/node/web`: a node is in no namespace: write node/web",
        ),
        (
            "Demo/web",
            "`Demo` cannot be the name of a namespace: that is at most 63 of a-z, 0-9 and -, with a letter or digit at both ends",
        ),
        (
            "demo/",
            "`` cannot be the name of a pod: that is at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends",
        ),
        (
            "svc/demo/web.x",
            "`web.x` cannot be the name of a service: that is at most 63 of a-z, 0-9 and -, with a letter or digit at both ends",
        ),
        (
            "10.0.0.0/8",
            "`10.0.0.0/8` is a block of addresses and an endpoint is one: write an address of it, such as 10.0.0.0",
        ),
        (
            "fd00::/8",
            "`fd00::/8` is a block of addresses and an endpoint is one: write an address of it, such as fd00::",
        ),
        (
            "0.0.0.0",
            "`0.0.0.0` is the address of no host; hosts outside of the cluster are `internet`",
        ),
        ("10.0.0", "`10.0.0` is not an IP address"),
        ("010.0.0.1", "`010.0.0.1` is not an IP address"),
        ("256.0.0.1", "`256.0.0.1` is not an IP address"),
        ("fd00:::1", "`fd00:::1` is not an IP address"),
        (
            "fe80::1%eth0",
            "`fe80::1%eth0`: policies know no zones of addresses: write fe80::1",
        ),
        (
            "10.0.0.7:80",
            "`10.0.0.7:80`: a port is no part of an endpoint: write `10.0.0.7` here, and the port apart",
        ),
        (
            "[fd00::7]:80",
            "`[fd00::7]:80`: a port is no part of an endpoint: write `fd00::7` here, and the port apart",
        ),
        (
            "demo/web:http",
            "`demo/web:http`: a port is no part of an endpoint: write `demo/web` here, and the port apart",
        ),
        (
            "http://web.demo.svc",
            "`http://web.demo.svc` is a URL: name its host here, and its port apart",
        ),
        (
            "db-0.db.demo.svc",
            "`db-0.db.demo.svc` is the name of one pod behind a Service: write demo/db-0",
        ),
        (
            "web.demo.svc.example.org",
            "`web.demo.svc.example.org`: names of Services end with svc.cluster.local: write web.demo.svc",
        ),
        ("demo/[app=web", "`demo/[app=web` does not end with a `]`"),
        (
            "demo[app=web]",
            "`demo[app=web]`: between namespace and labels stands a `/`: demo/[app=web]",
        ),
        (
            "demo/[tier in (a,b)]",
            "`tier in (a,b)` selects among pods; a pod has its labels: write KEY=VALUE,KEY=VALUE",
        ),
        (
            "demo/[app!=web]",
            "`app!=web` selects among pods; a pod has its labels: write KEY=VALUE,KEY=VALUE",
        ),
        ("demo/[app]", "`app` is no label: write KEY=VALUE"),
        ("demo/[app=web,]", "`` is no label: write KEY=VALUE"),
        ("demo/[app=a,app=b]", "label `app` is given twice"),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), expected, "{text}");
    }
    assert!(refusal("demo/[app=no/slash]").starts_with("label `app=no/slash`: a valid label"));
}

#[test]
fn refusals_of_a_form_tell_the_forms() {
    let error = EndpointArgument::parse("a/b/c/d", "here").unwrap_err();
    assert!(error.to_string().ends_with(ENDPOINT_FORMS));
    let examples = ENDPOINT_FORMS
        .lines()
        .skip(1)
        .flat_map(|line| line.trim().split("  ").next())
        .flat_map(|forms| forms.split(", "));
    for example in examples {
        let text = example.trim_matches('\'');
        assert!(EndpointArgument::parse(text, "here").is_ok(), "{text}");
    }
}

#[test]
fn pods_that_do_not_exist_resemble_words_and_kinds() {
    let meant = |text: &str| parse(text).near_miss();
    assert_eq!(meant("interent").as_deref(), Some("internet"));
    assert_eq!(meant("world").as_deref(), Some("internet"));
    assert_eq!(meant("kube-dns").as_deref(), Some("dns"));
    assert_eq!(meant("deplyo/web").as_deref(), Some("deploy/web"));
    assert_eq!(meant("demo/web"), None);
    assert_eq!(meant("svc/demo/interent"), None);
}
