//! What still keeps a wish from being true.

use ringfence_model::{
    Answer, Connection, Direction, DirectionDecision, DirectionVerdict, Outcome,
};
use ringfence_net::{ConnectionSet, PortSet};
use ringfence_policy::Engine;

use super::{Flow, Goal, Wish};

/// A direction of a connection in which something has to change, or may change.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub(super) connection: Connection,
    pub(super) direction: Direction,
    /// The ports that are reached.
    pub(super) ports: ConnectionSet,
}

impl Obstacle {
    pub(super) const fn decision(&self) -> &DirectionDecision {
        match self.direction {
            Direction::Egress => &self.connection.egress,
            Direction::Ingress => &self.connection.ingress,
        }
    }
}

/// The first connection that is not as wished, in the directions in which it may be changed: for [`Goal::Allow`] the
/// first that refuses, for [`Goal::Deny`] both. `Some` of nothing if there is no answer to change.
pub(super) fn next(engine: &Engine, wish: Wish<'_>) -> Option<Vec<Obstacle>> {
    let mut found: Vec<Obstacle> = Vec::new();
    for flow in wish.flows {
        let Ok(answer) = engine.answer(&flow.query) else {
            return Some(Vec::new());
        };
        if is_reached(wish.goal, &answer) {
            continue;
        }
        let before = found.len();
        found.extend(of_answer(wish.goal, flow, &answer));
        if found.len() == before {
            return Some(Vec::new());
        }
    }
    let first = found.first()?;
    let alike = |other: &Obstacle| {
        other.connection.source == first.connection.source
            && other.connection.destination == first.connection.destination
    };
    let ports = found
        .iter()
        .filter(|other| alike(other) && other.direction == first.direction)
        .fold(ConnectionSet::none(), |all, other| all.union(&other.ports));
    let mut chosen: Vec<Obstacle> = match wish.goal {
        Goal::Allow => vec![first.clone()],
        Goal::Deny => found
            .iter()
            .take(2)
            .filter(|other| alike(other))
            .cloned()
            .collect(),
    };
    for obstacle in &mut chosen {
        obstacle.ports = ports.clone();
    }
    Some(chosen)
}

pub(super) fn is_reached(goal: Goal, answer: &Answer) -> bool {
    match goal {
        Goal::Allow => answer.outcome == Outcome::Allow,
        Goal::Deny => answer.outcome == Outcome::Deny,
    }
}

fn of_answer(goal: Goal, flow: &Flow, answer: &Answer) -> Vec<Obstacle> {
    let wrong = answer.connections.iter().filter(|found| match goal {
        Goal::Allow => found.verdict() != DirectionVerdict::Allow,
        Goal::Deny => found.verdict() != DirectionVerdict::Deny,
    });
    wrong
        .flat_map(|connection| {
            let sides = [
                (Direction::Egress, &connection.egress),
                (Direction::Ingress, &connection.ingress),
            ];
            let open = sides.into_iter().filter(move |(_, decision)| match goal {
                Goal::Allow => decision.verdict != DirectionVerdict::Allow,
                Goal::Deny => true,
            });
            let ports = reached(flow, answer, connection);
            open.map(move |(direction, _)| Obstacle {
                connection: connection.clone(),
                direction,
                ports: ports.clone(),
            })
        })
        .collect()
}

/// The ports that are reached: behind a Service its target port.
pub(super) fn reached(flow: &Flow, answer: &Answer, connection: &Connection) -> ConnectionSet {
    let behind = answer.service.as_ref().and(connection.port);
    match (connection.protocol.as_policy(), behind) {
        (Some(protocol), Some(port)) => ConnectionSet::of(protocol, PortSet::single(port)),
        (Some(_), None) | (None, _) => flow.connections.clone(),
    }
}
