//! The words of a Kubernetes API, handed to the agent as they come.

use ringfence_agent::Teller;
use ringfence_agent::node_routes::{Keeper, Told};
use ringfence_agent::protocol::{AgentKey, AgentObject, StoreEvent};
use ringfence_kube::{Access, FollowOptions, Scope, Trouble, Word};
use ringfence_model::{Object, ObjectKind};

use super::installer::Installer;

/// Who hears of nodes beside the agent's loop.
pub(super) struct Listeners {
    pub(super) installer: Option<Installer>,
    pub(super) routes: Option<Keeper>,
}

/// Tells `teller` the cluster of `access` for as long as it listens.
pub(super) fn follow(access: &Access, scope: Scope, teller: &Teller, listeners: &Listeners) {
    let options = FollowOptions {
        scope,
        ..FollowOptions::default()
    };
    let listener = |word| {
        if let (Some(installer), Word::Apply(object)) = (&listeners.installer, &word) {
            installer.hear(object);
        }
        if let (Some(routes), Some(told)) = (&listeners.routes, of_nodes(&word)) {
            routes.tell(told);
        }
        tell(teller, word)
    };
    if let Err(error) = ringfence_kube::follow(access, options, listener) {
        tracing::error!("the cluster cannot be followed: {error}");
    }
}

/// What `word` says of nodes.
fn of_nodes(word: &Word) -> Option<Told> {
    match word {
        Word::Reset => Some(Told::Reset),
        Word::Apply(object) => {
            let Object::Node(node) = object.as_ref() else {
                return None;
            };
            Some(Told::Node(node.clone()))
        }
        Word::Delete(key) if key.kind == ObjectKind::Node => Some(Told::Gone(key.name.clone())),
        Word::Synced { .. } => Some(Told::Synced),
        Word::Delete(_) | Word::Held { .. } | Word::Trouble(_) => None,
    }
}

fn tell(teller: &Teller, word: Word) -> bool {
    let event = match word {
        Word::Reset => Some(StoreEvent::Reset),
        Word::Apply(object) => AgentObject::of(*object).map(StoreEvent::Apply),
        Word::Delete(key) => AgentKey::of(key).map(StoreEvent::Delete),
        Word::Synced { revision } => Some(StoreEvent::Synced { revision }),
        Word::Held { revision, holdings } => return teller.hold(revision, holdings),
        Word::Trouble(trouble) => return complain(teller, trouble),
    };
    event.is_none_or(|event| teller.tell(event))
}

fn complain(teller: &Teller, trouble: Trouble) -> bool {
    let (about, message) = match trouble {
        Trouble::Watch { resource, message } => (resource, message),
        Trouble::Object { key, message } => (key.to_string(), message),
    };
    teller.trouble(about, message)
}
