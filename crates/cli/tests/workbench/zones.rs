//! Ways between zones, workloads and whatever else has a name.

use crate::support::ringfence;

fn path(from: &str, to: &str) -> (i32, String, String) {
    let demo = "zones -f examples/netpol-demo --zones examples/zones/zones.yaml --path";
    let arguments: Vec<&str> = demo.split(' ').chain([from, to]).collect();
    let found = ringfence(&arguments);
    (found.status.code().unwrap(), found.stdout, found.stderr)
}

#[test]
fn ends_of_a_way_are_named_as_everywhere() {
    let (code, by_zone, _) = path("web", "data");
    assert_eq!(code, 1, "{by_zone}");
    let steps = by_zone.split_once(": ").unwrap().1;
    for (from, to) in [
        ("netpol-demo/web-app-0", "netpol-demo/deployment/database"),
        ("netpol-demo/web-app", "svc/netpol-demo/postgres"),
        ("*/web-app", "netpol-demo/data*"),
    ] {
        let (code, found, said) = path(from, to);
        assert_eq!(code, 1, "{from} to {to}: {said}");
        assert_eq!(found.split_once(": ").unwrap().1, steps, "{from} to {to}");
    }
    let (code, _, said) = path("netpol-demo/nobody", "data");
    assert!(
        code == 2 && said.contains("zones with members are"),
        "{said}"
    );
}

#[test]
fn differences_are_told_in_every_form() {
    let table = |form| {
        let zones = "zones -f examples/netpol-demo --zones examples/zones/zones.yaml -o";
        let arguments: Vec<&str> = zones.split(' ').chain([form]).collect();
        let found = ringfence(&arguments);
        assert_eq!(found.status.code(), Some(1), "{form}: {}", found.stderr);
        found.stdout
    };
    let csv = table("csv");
    assert!(
        csv.starts_with("from,to,verdict,all,some,unknown,possible and not intended,"),
        "{csv}"
    );
    assert!(
        csv.contains("\nweb,outside,all,all,none,none,all,,\n"),
        "{csv}"
    );
    assert!(csv.contains("\nweb,data,ports,tcp/5432,"), "{csv}");
    let junit = table("junit");
    assert!(
        junit.contains("<failure message=\"possible and not intended: all\""),
        "{junit}"
    );
    assert!(junit.contains("name=\"web -&gt; data\" classname=\"zones\" time=\"0.000\"/>"));
    assert!(table("sarif").contains("\"ruleId\": \"zone-unintended\""));
    assert!(table("dot").starts_with("digraph connectivity {"));
    assert!(table("mermaid").contains("flowchart"));
    assert!(table("svg").starts_with("<svg"));
}

#[test]
fn a_way_is_told_in_no_form_of_tables() {
    let path = "zones -f examples/netpol-demo --path web data -o csv";
    let found = ringfence(&path.split(' ').collect::<Vec<_>>());
    assert_eq!(found.status.code(), Some(2));
    assert!(
        found.stderr.contains("as text, json or md"),
        "{}",
        found.stderr
    );
}
