//! Needs of ingress controllers that lead ports to Services as they come.

use super::Gatherer;
use super::service::Wanted;
use crate::suggest::Evidence;
use crate::suggest::facts::{Facts, Stream};

pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts) {
    for stream in &facts.streams {
        gatherer.stream(stream);
    }
}

impl Gatherer<'_> {
    fn stream(&mut self, stream: &Stream) {
        let evidence = Evidence {
            what: format!("{} {}", stream.unit.full_name(), stream.what),
            source: self.locate(&stream.place, ""),
            target: String::new(),
        };
        let Some((name, port)) = &stream.to else {
            let problem = "is not written as NAMESPACE/SERVICE:PORT".to_owned();
            let help = "correct it, or take it out".to_owned();
            return self.undecided(&stream.unit, &evidence, problem, help);
        };
        let Some(service) = self.inhabitants.cluster.services.get(name) else {
            let problem = format!("svc/{name} is not among these manifests");
            let help = "add the Service's manifest, or correct the name".to_owned();
            return self.undecided(&stream.unit, &evidence, problem, help);
        };
        let wanted = Wanted {
            port: Some(port.clone()),
            protocol: Some(stream.protocol),
            usual: None,
        };
        match self.destinations(service, &wanted) {
            Ok((destinations, target)) => {
                let evidence = Evidence { target, ..evidence };
                self.client(&stream.unit, destinations, &evidence);
            }
            Err(problem) => self.undecided(&stream.unit, &evidence, problem.text, problem.help),
        }
    }
}
