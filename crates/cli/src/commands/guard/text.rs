use std::fmt::Write as _;

use ringfence_reach::guard::{ADDRESSES, Guard, Proof};

use crate::paint;

/// How many names are told in one line.
const NAMED: usize = 5;

/// The policies, with a line that says where they come from.
pub(super) fn policies(guard: &Guard) -> String {
    let grants = guard
        .grants
        .iter()
        .map(|grant| format!(" --allow '{grant}'"));
    let grants: String = grants.collect();
    format!(
        "# Made by: ringfence guard metadata{grants} --priority {}\n{}",
        guard.priority,
        guard.yaml()
    )
}

/// The addresses that the guard knows.
pub(super) fn addresses() -> String {
    let mut text = String::new();
    for one in ADDRESSES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", one.address, one.what);
        let _ = writeln!(text, "  {}", one.providers);
        if one.has_dns {
            let _ = writeln!(
                text,
                "  port 53 stays open: the cloud's name server is here"
            );
        }
        let _ = writeln!(text, "  {}", one.source);
    }
    text
}

/// What was proved; without manifests nothing was.
pub(super) fn proof(guard: &Guard, proof: Option<&Proof>) -> String {
    let Some(proof) = proof else {
        return format!(
            "{}: without -f nothing is known of pods, so nothing was proved\n",
            paint::dim("note")
        );
    };
    let mut text = format!(
        "{} of {} pods are kept from {} addresses\n",
        proof.guarded,
        pods(proof),
        ADDRESSES.len()
    );
    for (pod, reaches) in &proof.granted {
        let said = if *reaches {
            "granted, and NetworkPolicy lets it"
        } else {
            "granted, but NetworkPolicy does not let it to every address"
        };
        let _ = writeln!(text, "{pod}: {said}");
    }
    for open in &proof.open {
        let _ = writeln!(
            text,
            "{}: {} reaches {} without a grant; `ringfence explain` says by which policy",
            paint::bad("open"),
            open.pod,
            open.address
        );
    }
    for name in &proof.ties {
        let _ = writeln!(
            text,
            "{}: {name} has a priority of the guard's, and it is not defined which is asked first (CN-22); \
             give the guard another one with --priority",
            paint::bad("tie")
        );
    }
    for index in &proof.unused {
        if let Some(grant) = guard.grants.get(*index) {
            let _ = writeln!(text, "{}: no pod is {grant}", paint::bad("unused grant"));
        }
    }
    text + &host_network(proof)
}

fn pods(proof: &Proof) -> usize {
    let open: std::collections::BTreeSet<_> = proof.open.iter().map(|open| &open.pod).collect();
    proof.guarded + proof.granted.len() + open.len()
}

/// What manifests alone do not tell: whether nodes tell such pods from their own programs.
fn host_network(proof: &Proof) -> String {
    let granted = proof.host_granted.iter();
    let granted: String = granted
        .map(|pod| format!("{pod}: granted, in the network of its node\n"))
        .collect();
    let pods = &proof.host_network;
    if pods.is_empty() {
        return granted;
    }
    let named: Vec<String> = pods.iter().take(NAMED).map(ToString::to_string).collect();
    let more = pods.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "{granted}{}: in the network of their node, which keeps them from it where its agent knows cgroups (`guard.hostPods` of the chart): {}{more}\n",
        paint::dim("note"),
        named.join(", ")
    )
}
