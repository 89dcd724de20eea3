//! Kinds that are stored, and that nobody carries out: each is told so, and what is no valid object is refused all the same.

use super::bench::Bench;
use super::script::{has, has_not};

const TOLD: &str = "Warning: stored, but not carried out";

pub(crate) fn run(bench: &Bench) {
    bench.ok("create ns stored");
    roles(bench);
    budgets(bench);
    others(bench);
    fields_of_pods(bench);
    bench.ok("delete ns stored");
}

fn roles(bench: &Bench) {
    has(
        &bench.ok("create role reader -n stored --verb=get,list --resource=pods"),
        &["role.rbac.authorization.k8s.io/reader created", TOLD],
    );
    bench.ok("create clusterrole acme:reader --verb=get --resource=nodes,deployments.apps");
    bench.ok(
        "create rolebinding r -n stored --role=reader --serviceaccount=stored:default --user=jane",
    );
    bench.ok("create clusterrolebinding acme:r --clusterrole=acme:reader --group=ops");
    has(
        &bench.ok("get rolebinding r -n stored -o wide"),
        &["ROLE", "Role/reader", "jane", "stored/default"],
    );
    has(
        &bench.ok("describe clusterrole acme:reader"),
        &["nodes", "deployments.apps", "[get]"],
    );
    has(
        &bench.ok("get clusterrolebinding acme:r -o jsonpath={.subjects[0]}"),
        &[r#"{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"ops"}"#],
    );
    let patch = r#"{"roleRef":{"name":"other"}}"#;
    has(
        &bench.fails(&format!(
            "patch rolebinding r -n stored --type=merge -p {patch}"
        )),
        &["cannot change roleRef"],
    );
    let wrong = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: wrong, namespace: stored}\n\
                 rules: [{apiGroups: [''], resources: [pods]}]\n";
    has(
        &bench.fails(&format!("apply -f {}", bench.file("role.yaml", wrong))),
        &["rules[0].verbs: Required value"],
    );
    bench.ok("delete clusterrole,clusterrolebinding acme:reader acme:r --ignore-not-found");
}

fn budgets(bench: &Bench) {
    has(
        &bench.ok("create pdb p -n stored --selector=app=d --min-available=50%"),
        &["poddisruptionbudget.policy/p created", TOLD],
    );
    has(
        &bench.ok("get pdb -n stored"),
        &["MIN AVAILABLE", "50%", "N/A"],
    );
    has(
        &bench.ok("create quota q -n stored --hard=pods=3,limits.cpu=2"),
        &["resourcequota/q created", TOLD],
    );
    has(
        &bench.ok("get quota -n stored"),
        &["pods: 3", "limits.cpu: 2"],
    );
    has(&bench.ok("describe ns stored"), &["Resource Quotas"]);
}

fn others(bench: &Bench) {
    has(
        &bench.ok("create ingress i -n stored --class=nginx --rule=example.com/*=web:80"),
        &["ingress.networking.k8s.io/i created", TOLD],
    );
    has(
        &bench.ok("get ing -n stored"),
        &["nginx", "example.com", "80"],
    );
    has(
        &bench.ok("describe ing i -n stored"),
        &["example.com", "web:80"],
    );
    let objects = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: stored}\n\
                   spec: {limits: [{type: Container, default: {cpu: 500m}}]}\n---\n\
                   apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: stored}\n\
                   spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n\
                   apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: stored}\n\
                   spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}\n---\n\
                   apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\n\
                   spec: {controller: k8s.io/ingress-nginx}\n";
    let file = bench.file("stored.yaml", objects);
    let said = bench.ok(&format!("apply -f {file}"));
    has(
        &said,
        &[
            "limitrange/l created",
            "nobody provides volumes",
            "nobody measures load",
        ],
    );
    let again = bench.ok(&format!("apply -f {file}"));
    has_not(&again, "configured");
    has(
        &bench.ok("get pvc,hpa -n stored"),
        &["Pending", "Deployment/d", "MINPODS"],
    );
    let wrong = bench.file(
        "autoscaler.yaml",
        &objects.replace("maxReplicas: 3", "maxReplicas: 0"),
    );
    has(
        &bench.fails(&format!("apply -f {wrong}")),
        &["spec.maxReplicas", "greater than 0"],
    );
    bench.ok("delete ingressclass nginx");
}

/// What a pod asks for in vain.
fn fields_of_pods(bench: &Bench) {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: wishes, namespace: stored}\n\
               spec:\n  hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]\n\
               \x20 containers: [{name: c, image: i, securityContext: {runAsUser: 1000}, resources: {limits: {cpu: '1'}}}]\n";
    let said = bench.ok(&format!("apply -f {}", bench.file("wishes.yaml", pod)));
    has(
        &said,
        &[
            "pod/wishes created",
            "Warning: spec.containers[0].securityContext: stored, but not carried out",
            "Warning: spec.containers[0].resources: stored, but not carried out",
            "Warning: spec.hostAliases: stored, but not carried out",
        ],
    );
    let plain = "apiVersion: v1\nkind: Pod\nmetadata: {name: plain, namespace: stored}\n\
                 spec: {containers: [{name: c, image: i}]}\n";
    has_not(
        &bench.ok(&format!("apply -f {}", bench.file("plain.yaml", plain))),
        "Warning",
    );
}
