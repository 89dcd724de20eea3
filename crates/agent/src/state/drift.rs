//! The table is not what it should be although nothing failed: somebody else changed it, or it does not do what the policies
//! ask.

use std::collections::BTreeSet;

use ringfence_ruleset::{Operation, diff};

use super::{Action, Held, Kernel, LiveTable, Machine};
use crate::protocol::AgentStatus;

/// Changed parts of the table that a report names.
const SHOWN: usize = 3;

impl Machine {
    /// What came of a verification. Drift has the table read and repaired as if somebody had been seen changing it; where
    /// there is nothing to repair, it stays reported.
    pub(super) fn verified(&mut self, drift: Option<String>, changes: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.pulse().changes != Some(changes) || self.drift == drift {
            return actions;
        }
        self.foreign |= drift.is_some();
        match &drift {
            Some(message) => {
                let message = message.clone();
                self.report(AgentStatus::Degraded { message }, &mut actions);
            }
            None => self.reported = None,
        }
        self.drift = drift;
        actions
    }

    /// What others have made of the table that was enforced, if it was read because of that.
    pub(super) fn edit(&self) -> Option<String> {
        let (true, Kernel::Read(live)) = (self.suspicious, &self.kernel) else {
            return None;
        };
        match &**live {
            LiveTable::Absent => Some("it was gone".to_owned()),
            LiveTable::Foreign { reason } => Some(reason.clone()),
            LiveTable::Present(live) => told(&diff(Some(live), &self.compiler.compiled().table)),
        }
    }

    /// Reports that the change under way undoes another program's.
    pub(super) fn repair(&mut self, edit: &str, next: &Held, actions: &mut Vec<Action>) {
        self.repairs += 1;
        if let Kernel::Read(live) = &self.kernel
            && let LiveTable::Present(table) = &**live
        {
            actions.push(Action::Explain {
                table: Box::new(table.clone()),
                subject: Box::new(self.subject_of(next)),
            });
        }
        let message = format!("another program changed the table ({edit}); it is repaired");
        self.report(AgentStatus::Degraded { message }, actions);
    }
}

/// What these operations repair, in a few words.
fn told(operations: &[Operation]) -> Option<String> {
    let parts: BTreeSet<String> = operations.iter().map(part).collect();
    let shown: Vec<&str> = parts.iter().take(SHOWN).map(String::as_str).collect();
    let hidden = parts.len().saturating_sub(SHOWN);
    let more = (hidden > 0).then(|| format!(", and {hidden} more"));
    (!shown.is_empty()).then(|| shown.join(", ") + &more.unwrap_or_default())
}

fn part(operation: &Operation) -> String {
    match operation {
        Operation::AddTable { .. } | Operation::DeleteTable => "its layout".to_owned(),
        Operation::AddChain { name, .. }
        | Operation::DeleteChain { name }
        | Operation::FlushChain { name }
        | Operation::AddRule { chain: name, .. } => format!("chain {name}"),
        Operation::AddSet { name, .. } | Operation::DeleteSet { name } => format!("set {name}"),
        Operation::AddElements { set, elements, .. } => {
            format!("{set}: {} missing", elements_of(elements.len()))
        }
        Operation::DeleteElements { set, keys, .. } => {
            format!("{set}: {} too many", elements_of(keys.len()))
        }
    }
}

fn elements_of(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} element{plural}")
}
