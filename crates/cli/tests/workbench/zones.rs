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
