use super::{BATCH, Heard, Prober, Received};
use crate::fate::Fate;
use crate::packet::{Answer, Opening, Role, source_port};
use crate::plan::Place;

/// What became of the answer to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There was none: the packet did not arrive, or at a node, which answers by itself, or at its sender.
    None,
    /// It came back from the address and port that were dialled.
    Heard,
    /// It did not come back so; what came instead, in words.
    Lost(String),
}

impl Prober {
    /// As [`Prober::probe`]; whoever receives a packet answers it.
    ///
    /// # Panics
    /// As [`Prober::probe`].
    pub fn converse(&mut self, packets: &[(Place, Opening)]) -> Vec<(Fate, Reply)> {
        let batches = packets.chunks(BATCH);
        batches
            .flat_map(|batch| self.converse_batch(batch))
            .collect()
    }

    fn converse_batch(&mut self, batch: &[(Place, Opening)]) -> Vec<(Fate, Reply)> {
        let opened = self.open(batch);
        let numbers = opened.first..;
        let answers: Vec<Option<(Place, Answer)>> = batch
            .iter()
            .zip(&opened.arrived)
            .map(|((from, packet), arrived)| answer(*from, packet, arrived))
            .collect();
        for (answer, number) in answers.iter().zip(numbers.clone()) {
            if let Some((place, answer)) = answer {
                self.send(*place, answer.destination, &answer.bytes(number));
            }
        }
        let heard = self.hear(Heard::new(opened.first, Role::Answer, batch.len()));
        let replies = batch
            .iter()
            .zip(answers)
            .zip(heard.arrived)
            .zip(numbers)
            .map(
                |((((from, packet), answer), arrived), number)| match answer {
                    Some(_) => reply(*from, packet, number, &arrived),
                    None => Reply::None,
                },
            );
        opened.fates(batch).into_iter().zip(replies).collect()
    }

    /// Sends answers that nobody asked for, and tells of each whether it arrived anywhere.
    ///
    /// # Panics
    /// If they cannot be sent.
    pub fn interject(&mut self, answers: &[(Place, Answer)]) -> Vec<bool> {
        let batches = answers.chunks(BATCH);
        batches
            .flat_map(|batch| self.interject_batch(batch))
            .collect()
    }

    fn interject_batch(&mut self, batch: &[(Place, Answer)]) -> Vec<bool> {
        let first = self.next;
        for (place, answer) in batch {
            let bytes = answer.bytes(self.next);
            self.send(*place, answer.destination, &bytes);
            self.next += 1;
        }
        let heard = self.hear(Heard::new(first, Role::Answer, batch.len()));
        heard
            .arrived
            .iter()
            .map(|arrived| !arrived.is_empty())
            .collect()
    }
}

/// What the receiver of a packet would send back, from where.
fn answer(from: Place, packet: &Opening, arrived: &[Received]) -> Option<(Place, Answer)> {
    let [received] = arrived else {
        return None;
    };
    let masqueraded = received.source != packet.source;
    let answers = match received.place {
        Place::Pod(_) | Place::Outside => received.place != from || masqueraded,
        Place::Node(_) => false,
    };
    let [source_port, port] = received.ports.unwrap_or_default();
    let answer = Answer {
        source: received.destination?,
        destination: received.source,
        protocol: packet.protocol,
        ports: [port, source_port],
    };
    answers.then_some((received.place, answer))
}

/// Whether the answer came to the sender from where it had dialled.
fn reply(from: Place, packet: &Opening, number: u32, arrived: &[Received]) -> Reply {
    let expected = packet.port.map(|port| [port, source_port(number)]);
    match arrived {
        [reply]
            if reply.place == from
                && reply.source == packet.destination
                && reply.ports == expected =>
        {
            Reply::Heard
        }
        _ => Reply::Lost(format!("{arrived:?}")),
    }
}
