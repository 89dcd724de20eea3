//! What whoever asks may do: roles and bindings of the store, as Kubernetes reads them. They only ever allow.

use std::fmt;

use serde_json::Value;

use crate::object::{items, namespace, text};
use crate::store::{Name, Store};

const CLUSTER_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
const ROLES: &str = "roles.rbac.authorization.k8s.io";
/// The groups of every account of a pod, beside that of its namespace.
const OF_ACCOUNTS: &str = "system:serviceaccounts";
const OF_EVERYBODY: &str = "system:authenticated";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever has started the server, and may do everything.
    Owner,
    /// A program of the cluster, which may do what its roles allow.
    Account(Account),
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

/// What is to be done with what, in the words of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt<'a> {
    /// `get`, `list`, `watch` and so on.
    pub(crate) verb: &'a str,
    /// Empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) plural: &'a str,
    pub(crate) subresource: Option<&'a str>,
    /// `None` for all of them, and for kinds that live in none.
    pub(crate) namespace: Option<&'a str>,
    /// `None` for a collection.
    pub(crate) name: Option<&'a str>,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, group, .. } = self;
        write!(
            f,
            "cannot {verb} resource {:?} in API group {group:?}",
            self.resource()
        )?;
        match self.namespace {
            Some(namespace) => write!(f, " in the namespace {namespace:?}"),
            None => write!(f, " at the cluster scope"),
        }
    }
}

impl Attempt<'_> {
    /// `pods`, `pods/exec`
    fn resource(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

/// Whether a role that is bound to `account` allows `attempt`.
pub(crate) fn permits(store: &Store, account: &Account, attempt: &Attempt<'_>) -> bool {
    let of_cluster = store.objects(CLUSTER_BINDINGS);
    let inside = store
        .objects(BINDINGS)
        .filter(|(_, binding)| attempt.namespace == Some(namespace(binding)));
    let mut bound = of_cluster
        .chain(inside)
        .filter(|(_, binding)| names(binding, account));
    bound.any(|(_, binding)| role(store, binding).is_some_and(|role| allows(role, attempt)))
}

fn names(binding: &Value, account: &Account) -> bool {
    let of_namespace = format!("{OF_ACCOUNTS}:{}", account.namespace);
    items(binding, &["subjects"]).iter().any(|subject| {
        let named = name_of(subject);
        match text(subject, &["kind"]) {
            "ServiceAccount" => {
                named == account.name && text(subject, &["namespace"]) == account.namespace
            }
            "User" => named == account.to_string(),
            "Group" => [of_namespace.as_str(), OF_ACCOUNTS, OF_EVERYBODY].contains(&named),
            _ => false,
        }
    })
}

fn name_of(subject: &Value) -> &str {
    text(subject, &["name"])
}

/// The role that a binding is about.
fn role<'s>(store: &'s Store, binding: &Value) -> Option<&'s Value> {
    let (resource, inside) = match text(binding, &["roleRef", "kind"]) {
        "ClusterRole" => (CLUSTER_ROLES, ""),
        "Role" => (ROLES, namespace(binding)),
        _ => return None,
    };
    let key = Name {
        namespace: inside.to_owned(),
        name: text(binding, &["roleRef", "name"]).to_owned(),
    };
    store.get(resource, &key).map(AsRef::as_ref)
}

fn allows(role: &Value, attempt: &Attempt<'_>) -> bool {
    let rules = items(role, &["rules"]);
    rules.iter().any(|rule| rule_allows(rule, attempt))
}

fn rule_allows(rule: &Value, attempt: &Attempt<'_>) -> bool {
    let lists = |field: &str, wanted: &str| {
        let mut values = items(rule, &[field]).iter().filter_map(Value::as_str);
        values.any(|value| value == "*" || value == wanted)
    };
    let of_every = attempt
        .subresource
        .map(|subresource| format!("*/{subresource}"));
    let resource = attempt.resource();
    let named = items(rule, &["resourceNames"]);
    let names_it = named.is_empty()
        || attempt.name.is_some_and(|wanted| {
            let mut named = named.iter();
            named.any(|one| one.as_str() == Some(wanted))
        });
    lists("verbs", attempt.verb)
        && lists("apiGroups", attempt.group)
        && (lists("resources", &resource)
            || of_every.is_some_and(|resource| lists("resources", &resource)))
        && names_it
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const READ: Attempt<'_> = Attempt {
        verb: "list",
        group: "",
        plural: "pods",
        subresource: None,
        namespace: None,
        name: None,
    };

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], names: &[&str]) -> Value {
        json!({"apiGroups": groups, "resources": resources, "verbs": verbs, "resourceNames": names})
    }

    #[test]
    fn a_rule_allows_what_it_lists_and_nothing_else() {
        let pods = rule(&[""], &["pods"], &["list", "watch"], &[]);
        assert!(rule_allows(&pods, &READ));
        let exec = Attempt {
            subresource: Some("exec"),
            ..READ
        };
        let others = [
            Attempt {
                verb: "get",
                ..READ
            },
            Attempt {
                verb: "delete",
                ..READ
            },
            Attempt {
                group: "apps",
                ..READ
            },
            Attempt {
                plural: "secrets",
                ..READ
            },
            exec,
        ];
        for other in others {
            assert!(!rule_allows(&pods, &other), "{other}");
        }
        assert!(rule_allows(&rule(&["*"], &["*"], &["*"], &[]), &exec));
        assert!(rule_allows(
            &rule(&[""], &["*/exec"], &["list"], &[]),
            &exec
        ));
        assert!(!rule_allows(
            &rule(&[""], &["*/exec"], &["list"], &[]),
            &READ
        ));
    }

    /// Whoever may read one object may not list them all.
    #[test]
    fn names_of_a_rule_are_the_only_ones() {
        let one = rule(&[""], &["pods"], &["get", "list"], &["a"]);
        let get = |name| Attempt {
            verb: "get",
            name: Some(name),
            ..READ
        };
        assert!(rule_allows(&one, &get("a")));
        assert!(!rule_allows(&one, &get("b")));
        assert!(!rule_allows(&one, &READ));
    }

    fn store(objects: &[(&str, Value)]) -> Store {
        let mut store = Store::new(1);
        for (resource, object) in objects {
            store.put(resource, object);
        }
        store
    }

    fn binding(kind: &str, namespace: Option<&str>, role: (&str, &str)) -> Value {
        json!({
            "kind": kind, "metadata": {"name": "b", "namespace": namespace},
            "roleRef": {"kind": role.0, "name": role.1},
            "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": "system"}],
        })
    }

    #[test]
    fn a_binding_counts_where_it_is_and_for_whom_it_names() {
        let rules = [rule(&[""], &["pods"], &["list"], &[])];
        let role = |namespace: Option<&str>| json!({"metadata": {"name": "r", "namespace": namespace}, "rules": rules});
        let account = |name: &str| Account {
            namespace: "system".to_owned(),
            name: name.to_owned(),
        };
        let inside = |namespace| Attempt {
            namespace: Some(namespace),
            ..READ
        };
        let everywhere = store(&[
            (CLUSTER_ROLES, role(None)),
            (
                CLUSTER_BINDINGS,
                binding("ClusterRoleBinding", None, ("ClusterRole", "r")),
            ),
        ]);
        assert!(permits(&everywhere, &account("agent"), &READ));
        assert!(permits(&everywhere, &account("agent"), &inside("a")));
        assert!(!permits(&everywhere, &account("other"), &READ));
        for role in [(CLUSTER_ROLES, role(None)), (ROLES, role(Some("a")))] {
            let kind = if role.0 == ROLES {
                "Role"
            } else {
                "ClusterRole"
            };
            let one = store(&[
                role,
                (BINDINGS, binding("RoleBinding", Some("a"), (kind, "r"))),
            ]);
            assert!(permits(&one, &account("agent"), &inside("a")), "{kind}");
            assert!(!permits(&one, &account("agent"), &inside("b")), "{kind}");
            assert!(!permits(&one, &account("agent"), &READ), "{kind}");
        }
    }
}
