//! Random policies that never let a stranger reach the server, nor keep a friend from it.

use std::collections::BTreeSet;

use ringfence_testkit::random::Random;

use crate::support::Lab;

/// Policies each of which denies strangers the server. One of them always stands.
const GUARDS: usize = 3;
/// Policies that come and go beside them.
const NOISE: usize = 8;
/// Forms of each policy.
const VARIANTS: usize = 4;

/// Which policies stand.
pub(super) struct Policies {
    guards: BTreeSet<usize>,
    noise: BTreeSet<usize>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            guards: [0].into(),
            noise: BTreeSet::new(),
        }
    }
}

impl Policies {
    /// Applies or deletes one policy, or a few at once.
    pub(super) fn change(&mut self, lab: &Lab, random: &mut Random, number: usize) {
        let variant = random.below(VARIANTS);
        let guard_number = random.below(GUARDS);
        let noise_number = random.below(NOISE);
        let others_guard = self.guards.iter().any(|one| *one != guard_number);
        match random.below(10) {
            0..3 => {
                self.guards.insert(guard_number);
                lab.apply(&guard(guard_number, variant));
            }
            3..5 if others_guard && self.guards.remove(&guard_number) => {
                lab.delete(&guard(guard_number, variant));
            }
            5..7 if self.noise.remove(&noise_number) => {
                lab.delete(&noise(noise_number, variant, number));
            }
            7 => {
                self.guards.insert(guard_number);
                self.noise.insert(noise_number);
                let both = [
                    noise(noise_number, variant, number),
                    guard(guard_number, variant),
                ];
                lab.apply(&both.join("---"));
            }
            _ => {
                self.noise.insert(noise_number);
                lab.apply(&noise(noise_number, variant, number));
            }
        }
    }
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}}}
spec: {spec}
"
    )
}

/// Policies that deny strangers the server: two at its side, one at theirs.
pub(super) fn guard(number: usize, variant: usize) -> String {
    let at_server = [
        "{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {role: friend}}}]}]}",
        "{podSelector: {matchLabels: {app: server}}, ingress: [{from: [{podSelector: {matchLabels: {role: friend}}}], ports: [{port: 80}, {port: names, protocol: UDP}]}]}",
        "{podSelector: {matchExpressions: [{key: app, operator: Exists}]}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: role, operator: NotIn, values: [stranger]}, {key: role, operator: Exists}]}}]}]}",
        "{podSelector: {matchLabels: {app: server}}, ingress: [{from: [{podSelector: {matchLabels: {role: friend}}}], ports: [{port: 1, endPort: 100}]}]}",
    ];
    let at_strangers = [
        "{podSelector: {matchLabels: {role: stranger}}, policyTypes: [Egress]}",
        "{podSelector: {matchLabels: {role: stranger}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {role: friend}}}]}]}",
        "{podSelector: {matchLabels: {role: stranger}}, policyTypes: [Ingress, Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}",
        "{podSelector: {matchExpressions: [{key: role, operator: In, values: [stranger]}]}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16, 10.96.0.0/16]}}]}]}",
    ];
    let specs = if number < 2 { at_server } else { at_strangers };
    policy(&format!("guard-{number}"), specs[variant])
}

/// Policies about other pods, other ports and other peers.
fn noise(number: usize, variant: usize, change: usize) -> String {
    let port = 1000 + change;
    let spec = match variant {
        0 => format!(
            "{{podSelector: {{matchLabels: {{app: server}}}}, policyTypes: [Ingress], ingress: [{{from: [{{ipBlock: {{cidr: 192.0.2.0/24, except: [192.0.2.{}/32]}}}}], ports: [{{port: {port}}}]}}, {{from: [{{podSelector: {{matchLabels: {{role: friend}}}}}}]}}]}}",
            change % 256
        ),
        1 => format!(
            "{{podSelector: {{matchLabels: {{role: friend}}}}, policyTypes: [Egress], egress: [{{to: [{{podSelector: {{matchLabels: {{app: server}}}}}}]}}, {{ports: [{{port: {port}, endPort: {}}}]}}]}}",
            port + 50
        ),
        2 => format!(
            "{{podSelector: {{matchLabels: {{role: nobody-{number}}}}}, policyTypes: [Ingress, Egress]}}"
        ),
        _ => format!(
            "{{podSelector: {{matchLabels: {{role: stranger}}}}, policyTypes: [Ingress], ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: t{change}}}}}}}]}}]}}"
        ),
    };
    policy(&format!("noise-{number}"), &spec)
}
