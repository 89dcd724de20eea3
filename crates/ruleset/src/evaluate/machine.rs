use std::net::IpAddr;

use ringfence_net::{Family, Packet};

use super::{Action, Evaluation, Evaluator, Hit, Outcome, Step};
use crate::validate::JUMP_DEPTH;
use crate::{Datum, Expression, Rule, Statement, Value, Verdict};

/// The state of one packet on its way through a hook.
pub(super) struct Machine<'e, 'a> {
    pub(super) evaluator: &'e Evaluator<'a>,
    pub(super) packet: Packet,
    /// `skb->priority`.
    pub(super) priority: u32,
    pub(super) choose: &'e mut dyn FnMut(u32) -> u32,
    /// Elements that the current rule has hit so far.
    pub(super) hits: Vec<Hit>,
    outcome: Outcome,
    destination: Option<(IpAddr, u16)>,
    masquerade: bool,
    untracked: bool,
    trace: Vec<Step>,
}

/// How a chain, or a rule, ended.
enum Flow {
    /// Go on with the next rule, or after the jump.
    Continue,
    /// Leave this chain.
    Return,
    /// The base chain has ended.
    Done(Outcome),
}

impl<'e, 'a> Machine<'e, 'a> {
    pub(super) fn new(
        evaluator: &'e Evaluator<'a>,
        packet: Packet,
        choose: &'e mut dyn FnMut(u32) -> u32,
    ) -> Self {
        Self {
            evaluator,
            packet,
            priority: 0,
            choose,
            hits: Vec::new(),
            outcome: Outcome::Accept,
            destination: None,
            masquerade: false,
            untracked: false,
            trace: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Evaluation {
        Evaluation {
            outcome: self.outcome,
            destination: self.destination,
            masquerade: self.masquerade,
            untracked: self.untracked,
            trace: self.trace,
        }
    }

    /// Runs a base chain; its policy is `accept`.
    pub(super) fn run_base(&mut self, name: &str) -> Outcome {
        self.outcome = match self.run(name, 0) {
            Flow::Continue | Flow::Return => Outcome::Accept,
            Flow::Done(outcome) => outcome,
        };
        self.outcome
    }

    fn run(&mut self, name: &str, depth: usize) -> Flow {
        let Some((name, chain)) = self.evaluator.chain(name) else {
            return Flow::Continue;
        };
        if depth > JUMP_DEPTH {
            return Flow::Done(Outcome::Drop);
        }
        for (index, rule) in chain.rules.iter().enumerate() {
            match self.rule((name, index), rule, depth) {
                Flow::Continue => {}
                Flow::Return => return Flow::Continue,
                Flow::Done(outcome) => return Flow::Done(outcome),
            }
        }
        Flow::Continue
    }

    /// Runs a rule's statements until one does not match or decides.
    fn rule(&mut self, place: (&str, usize), rule: &'a Rule, depth: usize) -> Flow {
        self.hits.clear();
        for statement in &rule.statements {
            let Some(action) = self.statement(statement) else {
                return Flow::Continue;
            };
            let Some(action) = action else {
                continue;
            };
            if self.evaluator.traces {
                self.record(place, action.clone());
            }
            let ends = ends_rule(&action);
            match self.perform(action, depth) {
                Flow::Continue if !ends => {}
                flow @ (Flow::Continue | Flow::Return | Flow::Done(_)) => return flow,
            }
        }
        Flow::Continue
    }

    fn record(&mut self, (chain, rule): (&str, usize), action: Action) {
        self.trace.push(Step {
            chain: chain.to_owned(),
            rule,
            hits: self.hits.clone(),
            action,
        });
    }

    /// What the statement does: `None` ends the rule, `Some(None)` goes on to the next statement.
    fn statement(&mut self, statement: &'a Statement) -> Option<Option<Action>> {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => self.matches(left, *operator, right).then_some(None),
            Statement::VerdictMap { key, map } => self.verdict(key, map).map(decided),
            Statement::SetPriority(value) => match self.read(value)?.as_slice() {
                [Datum::Number(number)] => Some(Some(Action::SetPriority(*number))),
                _ => None,
            },
            Statement::DestinationNat { family, target } => self.translate(*family, target),
            Statement::Masquerade => Some(Some(Action::Masquerade)),
            Statement::Reject | Statement::Reset => Some(Some(Action::Reject)),
            Statement::NoTrack => {
                self.untracked = true;
                Some(None)
            }
            // What packets wrote before is not known here, and what this one writes is for later ones.
            Statement::Remember { key, .. } | Statement::Forget { key, .. } => {
                self.read(key).map(|_| None)
            }
            Statement::Limit(_) | Statement::Log(_) => Some(None),
            Statement::Verdict(verdict) => Some(decided(verdict)),
        }
    }

    fn verdict(&mut self, key: &'a Expression, map: &'a str) -> Option<&'a Verdict> {
        let fields = self.read(key)?;
        match self.lookup(map, &fields)? {
            Value::Verdict(verdict) => Some(verdict),
            Value::Member | Value::Data(_) => None,
        }
    }

    fn translate(&mut self, family: Family, target: &'a Expression) -> Option<Option<Action>> {
        match self.read(target)?.as_slice() {
            [Datum::Address(address), Datum::Port(port)] if family == self.packet.family() => {
                Some(Some(Action::DestinationNat(*address, *port)))
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, depth: usize) -> Flow {
        match action {
            Action::Verdict(verdict) => self.decide(verdict, depth),
            Action::SetPriority(number) => {
                self.priority = number;
                Flow::Continue
            }
            Action::DestinationNat(address, port) => {
                self.destination = Some((address, port));
                self.packet.destination = address;
                self.packet.destination_port = Some(port);
                Flow::Done(Outcome::Accept)
            }
            Action::Masquerade => {
                self.masquerade = true;
                Flow::Done(Outcome::Accept)
            }
            Action::Reject => Flow::Done(Outcome::Reject),
        }
    }

    fn decide(&mut self, verdict: Verdict, depth: usize) -> Flow {
        match verdict {
            Verdict::Accept => Flow::Done(Outcome::Accept),
            Verdict::Drop => Flow::Done(Outcome::Drop),
            Verdict::Return => Flow::Return,
            Verdict::Continue => Flow::Continue,
            Verdict::Jump(chain) => match self.run(&chain, depth.saturating_add(1)) {
                Flow::Continue | Flow::Return => Flow::Continue,
                Flow::Done(outcome) => Flow::Done(outcome),
            },
            Verdict::Goto(chain) => match self.run(&chain, depth.saturating_add(1)) {
                Flow::Continue | Flow::Return => Flow::Return,
                Flow::Done(outcome) => Flow::Done(outcome),
            },
        }
    }

    /// Looks `fields` up and notes the hit.
    pub(super) fn lookup(&mut self, set: &'a str, fields: &[Datum]) -> Option<&'a Value> {
        let (key, element) = self.evaluator.find(set, fields)?;
        if self.evaluator.traces {
            self.hits.push(Hit {
                set: set.to_owned(),
                key: key.clone(),
            });
        }
        Some(&element.value)
    }
}

/// What a verdict does; nothing if the next statement decides.
fn decided(verdict: &Verdict) -> Option<Action> {
    (*verdict != Verdict::Continue).then(|| Action::Verdict(verdict.clone()))
}

/// Whether what follows in the rule is passed over: after a jump the next rule comes.
const fn ends_rule(action: &Action) -> bool {
    match action {
        Action::Verdict(Verdict::Continue) | Action::SetPriority(_) => false,
        Action::Verdict(
            Verdict::Accept | Verdict::Drop | Verdict::Return | Verdict::Jump(_) | Verdict::Goto(_),
        )
        | Action::DestinationNat(..)
        | Action::Masquerade
        | Action::Reject => true,
    }
}
