//! What goes with what, whatever is written in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::store::{Id, Unsettled};

#[derive(Clone, Debug)]
enum Step {
    Create {
        map: usize,
        owners: Vec<usize>,
        blocking: bool,
        held: bool,
    },
    Delete(usize, &'static str),
    Release(usize),
    DeleteNamespace(usize),
    CreateNamespace(usize),
}

const MAPS: usize = 6;
const POLICIES: [&str; 3] = ["Background", "Foreground", "Orphan"];

fn step() -> impl Strategy<Value = Step> {
    let map = || 0..MAPS;
    let create = (
        map(),
        prop::collection::vec(map(), 0..3),
        any::<bool>(),
        any::<bool>(),
    );
    let create = create.prop_map(|(map, owners, blocking, held)| Step::Create {
        map,
        owners,
        blocking,
        held,
    });
    prop_oneof![
        6 => create,
        4 => (map(), prop::sample::select(&POLICIES)).prop_map(|(map, policy)| Step::Delete(map, policy)),
        2 => map().prop_map(Step::Release),
        1 => (0..2_usize).prop_map(Step::DeleteNamespace),
        2 => (0..2_usize).prop_map(Step::CreateNamespace),
    ]
}

/// The URL of the `map`th ConfigMap, every other one in another namespace.
fn url(map: usize) -> String {
    format!("{}/m{map}", collection(map))
}

fn collection(map: usize) -> String {
    format!("/api/v1/namespaces/n{}/configmaps", map % 2)
}

fn take(client: &Client, step: &Step) {
    let json = "application/json";
    match step {
        Step::Create {
            map,
            owners,
            blocking,
            held,
        } => {
            let owner = |map: &usize| {
                let (code, owner) = client.call(Method::Get, &url(*map), "", &Value::Null);
                let uid = if code == 200 {
                    object::uid(&owner)
                } else {
                    "gone"
                };
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "name": format!("m{map}"), "uid": uid,
                    "blockOwnerDeletion": blocking,
                })
            };
            let owners: Vec<Value> = owners.iter().map(owner).collect();
            let finalizers = if *held { vec!["x/y"] } else { Vec::new() };
            let metadata = json!({"name": format!("m{map}"), "ownerReferences": owners, "finalizers": finalizers});
            client.call(
                Method::Post,
                &collection(*map),
                json,
                &json!({"metadata": metadata}),
            );
        }
        Step::Delete(map, policy) => {
            client.delete(&url(*map), &json!({"propagationPolicy": policy}));
        }
        Step::Release(map) => {
            client.merge(&url(*map), &json!({"metadata": {"finalizers": null}}));
        }
        Step::DeleteNamespace(number) => {
            client.delete(&format!("/api/v1/namespaces/n{number}"), &Value::Null);
        }
        Step::CreateNamespace(number) => {
            let namespace = json!({"metadata": {"name": format!("n{number}")}});
            client.call(Method::Post, "/api/v1/namespaces", json, &namespace);
        }
    }
}

/// What somebody would still take away who looks at everything.
fn left_over(client: &Client) -> usize {
    let store = client.api.store();
    let everything = store.everything().map(|(resource, name, _)| Id {
        resource: resource.to_owned(),
        name: name.clone(),
    });
    let everything = Unsettled {
        objects: everything.collect(),
        uids: BTreeSet::new(),
        owners: BTreeSet::new(),
    };
    let (kinds, now) = (client.api.served(), Timestamp(client.now.get()));
    super::super::garbage::sweep(&store, &kinds, &everything, false, now).len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn after_each_write_nothing_is_left_to_take_away(steps in prop::collection::vec(step(), 1..40)) {
        let client = client();
        for number in 0..2 {
            take(&client, &Step::CreateNamespace(number));
        }
        for (index, step) in steps.iter().enumerate() {
            take(&client, step);
            prop_assert_eq!(left_over(&client), 0, "after step {} of {:?}", index, steps);
        }
    }
}
