use ringfence_reach::guard::{ADDRESSES, Guard, Proof};
use serde_json::{Value, json};

/// The guard and what was proved, for programs.
pub(super) fn json(guard: &Guard, proof: Option<&Proof>) -> anyhow::Result<String> {
    let addresses: Vec<Value> = ADDRESSES
        .iter()
        .map(|one| {
            json!({
                "address": one.address,
                "providers": one.providers,
                "what": one.what,
                "nameServer": one.has_dns,
                "source": one.source,
            })
        })
        .collect();
    let value = json!({
        "grants": guard.grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "priorities": [guard.priority, guard.last_priority()],
        "addresses": addresses,
        "proof": proof.map(|proof| proved(guard, proof)),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn proved(guard: &Guard, proof: &Proof) -> Value {
    let granted: Vec<Value> = proof
        .granted
        .iter()
        .map(|(pod, reaches)| json!({"pod": pod.to_string(), "reachesAll": reaches}))
        .collect();
    let open: Vec<Value> = proof
        .open
        .iter()
        .map(|open| json!({"pod": open.pod.to_string(), "address": open.address}))
        .collect();
    let unused = proof
        .unused
        .iter()
        .filter_map(|index| guard.grants.get(*index));
    let host = proof.host_network.iter().map(ToString::to_string);
    let granted_host = proof.host_granted.iter().map(ToString::to_string);
    json!({
        "guarded": proof.guarded,
        "granted": granted,
        "open": open,
        "unusedGrants": unused.map(ToString::to_string).collect::<Vec<_>>(),
        "hostNetwork": host.collect::<Vec<_>>(),
        "hostNetworkGranted": granted_host.collect::<Vec<_>>(),
        "ties": proof.ties.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
