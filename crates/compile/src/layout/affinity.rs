//! The chains that lead clients back to the backend that they had (rule OB-21).

use ringfence_net::Family;
use ringfence_ruleset::{Chain, Datum, Expression, Operand, Rule, Statement};

use super::part::{
    destination, not_equal, port_key, priority, rule, service_key, set_priority, source, within,
};
use super::{Place, set_name};

/// The chain that leads clients of one of `count` backends back to it for `seconds` after they last connected.
///
/// `sticky` has the number of each client's backend under the client and what it dialled. The number stands for one backend
/// as long as that is one (`kept`), whatever others come and go. Where nothing is written of a client, or of a backend that is
/// none any more, one is drawn, and its number is written; then `sticky` is asked again, so that connections that come
/// at once agree. The last rule draws without that, where `sticky` has no room.
pub(crate) fn affinity_chain(place: Place, count: u32, seconds: u32) -> Chain {
    let families = Family::ALL.into_iter();
    let of_families = families.flat_map(|family| {
        Affinity {
            place,
            family,
            count,
            seconds,
        }
        .rules()
    });
    let rules = std::iter::once(set_priority(0)).chain(of_families);
    Chain {
        base: None,
        rules: rules.collect(),
    }
}

struct Affinity {
    place: Place,
    family: Family,
    count: u32,
    seconds: u32,
}

impl Affinity {
    fn rules(&self) -> [Rule; 5] {
        let nothing = Operand::Value(Datum::Number(0));
        [
            rule([self.recall(), self.remember(), self.lead()]),
            rule([not_equal(priority(), nothing), self.forget()]),
            rule(self.draw().into_iter().chain([self.remember()])),
            rule([self.recall(), self.lead()]),
            rule(self.draw().into_iter().chain([self.lead()])),
        ]
    }

    /// Client, address, protocol and port.
    fn client(&self) -> Expression {
        let mut key = vec![source(self.family)];
        key.extend(service_key(self.family));
        Expression::Concat(key)
    }

    fn sticky(&self) -> String {
        set_name("sticky", self.family)
    }

    /// Under what the backends are written, and one part more.
    fn with(&self, part: Expression) -> Box<Expression> {
        let mut key = match self.place {
            Place::Address | Place::Here => service_key(self.family),
            Place::Nodes => port_key(),
        };
        key.push(part);
        Box::new(Expression::Concat(key))
    }

    fn recall(&self) -> Statement {
        Statement::SetPriority(Expression::Map {
            key: Box::new(self.client()),
            map: self.sticky(),
        })
    }

    fn remember(&self) -> Statement {
        Statement::Remember {
            key: self.client(),
            value: priority(),
            map: self.sticky(),
            seconds: self.seconds,
        }
    }

    fn forget(&self) -> Statement {
        Statement::Forget {
            key: self.client(),
            value: priority(),
            map: self.sticky(),
        }
    }

    /// The key of a port of all nodes says nothing of the family, so that the node's address has to.
    fn draw(&self) -> Vec<Statement> {
        let random = Expression::Random {
            modulus: self.count,
        };
        let draw = Statement::SetPriority(Expression::Map {
            key: self.with(random),
            map: set_name(&self.place.set("draws"), self.family),
        });
        let nodes = set_name("nodes", self.family);
        match self.place {
            Place::Address | Place::Here => vec![draw],
            Place::Nodes => vec![within(destination(self.family), &nodes), draw],
        }
    }

    fn lead(&self) -> Statement {
        Statement::DestinationNat {
            family: self.family,
            target: Expression::Map {
                key: self.with(priority()),
                map: set_name(&self.place.set("kept"), self.family),
            },
        }
    }
}
