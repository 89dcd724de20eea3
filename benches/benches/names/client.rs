use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::LOCAL;

/// Questions that wait for their answer at any time.
pub(crate) const UNDER_WAY: usize = 32;

/// What one run showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Answers a second.
    pub(crate) rate: f64,
    /// The time within which 99 of 100 were there.
    pub(crate) within: Duration,
}

impl Figures {
    /// The one of more answers.
    pub(crate) fn or(self, other: Self) -> Self {
        if other.rate > self.rate { other } else { self }
    }
}

/// Asks `count` questions, one after another of `questions`, and waits for each answer.
pub(crate) fn ask(
    server: SocketAddr,
    questions: &[Vec<u8>],
    count: usize,
) -> anyhow::Result<Figures> {
    let socket = UdpSocket::bind((LOCAL, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut sent = vec![Instant::now(); count];
    let mut took = Vec::with_capacity(count);
    let mut next = 0;
    let start = Instant::now();
    let mut buffer = [0; 1500];
    while took.len() < count {
        while next < count && next - took.len() < UNDER_WAY {
            let question = questions
                .get(next % questions.len())
                .context("no question")?;
            send(&socket, question, next)?;
            if let Some(sent) = sent.get_mut(next) {
                *sent = Instant::now();
            }
            next += 1;
        }
        let length = socket.recv(&mut buffer).context("an answer is missing")?;
        let number = number(buffer.get(..length).unwrap_or_default(), took.len())?;
        took.push(sent.get(number).context("an answer too many")?.elapsed());
    }
    let rate = count_as_rate(count, start.elapsed());
    took.sort_unstable();
    let within = took.get(count * 99 / 100).copied().unwrap_or_default();
    Ok(Figures { rate, within })
}

fn send(socket: &UdpSocket, question: &[u8], number: usize) -> anyhow::Result<()> {
    let [.., high, low] = number.to_be_bytes();
    let mut bytes = question.to_vec();
    if let [first, second, ..] = bytes.as_mut_slice() {
        (*first, *second) = (high, low);
    }
    socket.send(&bytes)?;
    Ok(())
}

/// Which question is answered: the one near to those answered so far that has these last 16 bits.
fn number(answer: &[u8], answered: usize) -> anyhow::Result<usize> {
    let [high, low, ..] = answer else {
        anyhow::bail!("an answer is no message");
    };
    let low = usize::from(u16::from_be_bytes([*high, *low]));
    let period = 1 << 16;
    let base = answered / period * period;
    let near = |candidate: &usize| candidate.abs_diff(answered);
    let candidates = [
        base + low,
        (base + low).saturating_sub(period),
        base + period + low,
    ];
    candidates.into_iter().min_by_key(near).context("no number")
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count_as_rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}
