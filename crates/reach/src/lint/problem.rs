//! What a lint returns, before it is known where it was written.

use ringfence_model::{
    Diagnostic, Direction, Documents, NetworkPolicy, ObjectKey, ObjectKind, PolicyPeer, PolicyPort,
    PolicyRule, Severity, Source,
};

use super::{Finding, Lint};

/// One problem of one object.
#[derive(Debug)]
pub(super) struct Problem {
    place: Place,
    severity: Option<Severity>,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) object: ObjectKey,
    pub(super) source: Option<Source>,
    /// As the API server writes it; empty for the object itself.
    pub(super) path: String,
}

impl Place {
    pub(super) fn of_policy(policy: &NetworkPolicy, path: impl Into<String>) -> Self {
        Self {
            object: ObjectKey::namespaced(ObjectKind::NetworkPolicy, &policy.name),
            source: policy.source.clone(),
            path: path.into(),
        }
    }

    /// `NetworkPolicy shop/web, ingress[0].from[1]`
    pub(super) fn name(&self) -> String {
        let field = self.path.strip_prefix("spec.").unwrap_or(&self.path);
        let separator = if field.is_empty() { "" } else { ", " };
        format!("{}{separator}{field}", self.object)
    }

    /// `NetworkPolicy shop/web, ingress[0].from[1]: message`
    pub(super) fn problem(self, message: impl AsRef<str>) -> Problem {
        let message = format!("{}: {}", self.name(), message.as_ref());
        Problem::new(self, message)
    }
}

impl Problem {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            severity: None,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    pub(super) fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Better or worse than the lint usually is.
    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// No more than a note if `maker` makes the pods that are missed.
    pub(super) fn unless_made_by(self, maker: Option<&str>) -> Self {
        let Some(maker) = maker else { return self };
        let otherwise = self.help.as_deref().unwrap_or_default();
        let help = format!(
            "{maker} may make such pods, which these manifests do not hold; else {otherwise}"
        );
        self.with_severity(Severity::Note).with_help(help)
    }

    pub(super) fn into_finding(self, lint: &'static Lint, documents: &Documents) -> Finding {
        let Place {
            object,
            source,
            path,
        } = self.place;
        let location = source.and_then(|source| documents.locate(&source, &path));
        let diagnostic = Diagnostic {
            rule: Some(lint.id),
            path: Some(path).filter(|path| !path.is_empty()),
            location,
            label: self.label,
            help: self.help,
            ..Diagnostic::new(self.severity.unwrap_or(lint.severity), self.message)
        };
        Finding {
            diagnostic,
            lint: Some(lint),
            object: Some(object),
        }
    }
}

/// A rule of a NetworkPolicy, and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleSite<'a> {
    pub(super) policy: &'a NetworkPolicy,
    pub(super) direction: Direction,
    pub(super) index: usize,
    pub(super) rule: &'a PolicyRule,
}

impl<'a> RuleSite<'a> {
    pub(super) fn peers(&self) -> impl Iterator<Item = (usize, &'a PolicyPeer)> + use<'a> {
        self.rule.peers.iter().enumerate()
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = (usize, &'a PolicyPort)> + use<'a> {
        self.rule.ports.iter().enumerate()
    }

    /// `spec.ingress[0]`
    pub(super) fn place(&self) -> Place {
        Place::of_policy(self.policy, self.path())
    }

    /// `spec.ingress[0].from[1]`
    pub(super) fn peer(&self, peer: usize) -> Place {
        let field = peers_field(self.direction);
        Place::of_policy(self.policy, format!("{}.{field}[{peer}]", self.path()))
    }

    /// `spec.ingress[0].ports[1]`
    pub(super) fn port(&self, port: usize) -> Place {
        Place::of_policy(self.policy, format!("{}.ports[{port}]", self.path()))
    }

    fn path(&self) -> String {
        format!("spec.{}[{}]", self.direction, self.index)
    }
}

/// The field that lists peers: `from` or `to`.
pub(super) const fn peers_field(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}
