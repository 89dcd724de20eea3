//! Questions about a Service, a port or a workload: every command answers them the same.

mod api_server;
mod host_pods;
mod host_ports;
mod kinds;
mod nameless;
mod outside;
mod service_ports;

use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use crate::support::{Finished, ringfence};

/// Manifests in a folder of their own, to ask several commands about.
struct World {
    folder: TempDir,
}

impl World {
    /// With an object for each namespace.
    fn of(manifests: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let named = manifests.split("namespace: ").skip(1);
        let named = named.filter_map(|rest| rest.split([',', '}', '\n']).next());
        let namespaces = named.collect::<BTreeSet<_>>().into_iter().map(|name| {
            format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n")
        });
        let all: String = [manifests.to_owned(), namespaces.collect()].concat();
        fs::write(folder.path().join("manifests.yaml"), all).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A command about the manifests.
    fn ask(&self, command: &[&str]) -> Finished {
        let manifests = self.path("manifests.yaml");
        ringfence(&[command, &["-f", &manifests]].concat())
    }

    fn explain(&self, question: &[&str]) -> Finished {
        self.ask(&[&["explain"], question].concat())
    }

    /// A test of one assertion, `allow` or `deny`.
    fn test(&self, expected: &str, question: [&str; 3], more: &[&str]) -> Finished {
        let [from, to, ports] = question;
        let text = format!(
            "apiVersion: ringfence.dev/v1alpha1\nkind: PolicyTest\ntests:\n- name: t\n  {expected}: {{from: '{from}', to: '{to}', ports: '{ports}'}}\n"
        );
        fs::write(self.path("tests.yaml"), text).unwrap();
        let tests = self.path("tests.yaml");
        self.ask(&[&["test", &tests], more].concat())
    }
}
