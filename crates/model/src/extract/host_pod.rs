//! Pods in the network of their node, and policies that judge them (rules HN-1, HN-3).

use crate::report::{Problem, Report};
use crate::validate::quote;
use crate::view::View;
use crate::{ClusterTier, HOST_PODS_ANNOTATION, HOST_PODS_JUDGED, Severity};

/// Under which the kubelet keeps the name of a pod that it has from a file. Its object in the API has another one.
const FILE_UID: &str = "kubernetes.io/config.hash";

/// Whether the policy judges pods in the network of their node. One whose annotation says something else is warned of and does:
/// to leave it out would open what it denies.
pub(super) fn is_judged(report: &mut Report, root: &View<'_>, tier: Option<ClusterTier>) -> bool {
    let Some(at) = annotation(root, HOST_PODS_ANNOTATION) else {
        return false;
    };
    match tier {
        Some(ClusterTier::Admin) | None => {}
        Some(ClusterTier::Baseline) => {
            let detail = "only policies of the Admin tier judge pods in the network of their node";
            report.forbidden("HN-1", &at, detail);
            return false;
        }
    }
    let text = at.text_or_empty();
    if text != HOST_PODS_JUDGED {
        let quoted = quote(text);
        let message = format!(
            "Invalid value: {quoted}: must be `{HOST_PODS_JUDGED}`; the policy judges pods in the network of their node until the annotation is gone"
        );
        let problem = Problem::new("HN-1", &at.path, at.span, message);
        report.add(problem.with_severity(Severity::Warning));
    }
    true
}

/// Of pods in the pod network nobody asks it.
pub(super) fn uid(root: &View<'_>, host_network: bool) -> Option<Box<str>> {
    if !host_network {
        return None;
    }
    let own = root.field("metadata").field("uid");
    let found = annotation(root, FILE_UID).unwrap_or(own);
    let text = found.text_or_empty();
    (!text.is_empty()).then(|| text.into())
}

fn annotation<'a>(root: &View<'a>, key: &str) -> Option<View<'a>> {
    let annotations = root.field("metadata").field("annotations");
    let mut entries = annotations.entries();
    let found = entries.find(|(found, _)| found.text == key);
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use crate::{Input, LoadOptions, Object, load};

    fn loaded(text: &str) -> (Vec<Object>, Vec<String>) {
        let input = Input {
            name: "test".to_owned(),
            text: text.to_owned(),
        };
        let loaded = load(&[input], &LoadOptions::default());
        let found = loaded.diagnostics.iter().map(ToString::to_string);
        (loaded.objects, found.collect())
    }

    fn policy(tier: &str, annotation: &str) -> (Option<bool>, Vec<String>) {
        let text = format!(
            "
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: p, annotations: {{{annotation}}}}}
spec:
  tier: {tier}
  priority: 1
  subject: {{namespaces: {{}}}}
  egress:
  - {{action: Deny, to: [{{networks: [192.0.2.1/32]}}]}}
"
        );
        let (objects, found) = loaded(&text);
        let judges = objects.first().map(|object| {
            let Object::ClusterPolicy(policy) = object else {
                panic!("{object:?}");
            };
            policy.judges_host_pods
        });
        (judges, found)
    }

    #[test]
    fn a_policy_says_by_an_annotation_that_it_judges_them() {
        assert_eq!(policy("Admin", ""), (Some(false), Vec::new()));
        let judged = "ringfence.dev/host-network-pods: judged";
        assert_eq!(policy("Admin", judged), (Some(true), Vec::new()));
        let (judges, found) = policy("Admin", "ringfence.dev/host-network-pods: 'no'");
        assert_eq!(judges, Some(true));
        assert!(found.concat().contains("must be `judged`"), "{found:?}");
        let (_, found) = policy("Baseline", judged);
        assert!(
            found.concat().contains("only policies of the Admin tier"),
            "{found:?}"
        );
    }

    #[test]
    fn a_pod_of_the_nodes_network_has_the_uid_of_its_cgroup() {
        let uid = |metadata: &str, spec: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop, {metadata}}}\nspec: {{{spec}, containers: [{{name: c, image: i}}]}}\n"
            );
            let Some(Object::Pod(found)) = loaded(&text).0.pop() else {
                panic!("{text}");
            };
            found.pod.uid.map(String::from)
        };
        let (host, own) = ("hostNetwork: true", "hostNetwork: false");
        assert_eq!(uid("uid: u", host).as_deref(), Some("u"));
        let of_file = "uid: u, annotations: {kubernetes.io/config.hash: h}";
        assert_eq!(uid(of_file, host).as_deref(), Some("h"));
        assert_eq!(uid("labels: {}", host), None);
        assert_eq!(uid("uid: u", own), None);
    }
}
