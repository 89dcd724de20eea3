//! From files of tests to claims about a cluster, with every mistake pointed at where it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{bail, ensure};
use ringfence_model::{
    Assertion, Cluster, Diagnostic, Endpoint, Expected, Input, ObjectName, PolicyTest,
    PolicyTestCase, RenderStyle, Severity, Source, SourceMap, Written, policy_tests,
};
use ringfence_net::ConnectionSet;
use ringfence_reach::assertion::{Claim, addresses, pairs};

use crate::inputs::FileArguments;
use crate::inputs::endpoint::{EndpointArgument, WellKnown};
use crate::inputs::port::{PortArgument, ports};
use crate::inputs::resolve::{
    Side, asked, mentioned, nameless, namesake, resolve_at, translated, unmentioned,
};

/// Files of tests as they were read.
pub(super) struct TestFiles {
    tests: Vec<(String, PolicyTest)>,
    pub(super) sources: SourceMap,
}

/// Every test of the files, ready to be judged.
pub(super) struct Suite {
    pub(super) cases: Vec<Case>,
    /// What may be wrong with what they name.
    pub(super) doubts: Vec<Diagnostic>,
}

/// One test.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// The file as the user named it.
    pub(super) file: String,
    pub(super) reason: Option<String>,
    pub(super) assertions: Vec<Asserted>,
}

/// One assertion, and what it says of each way that it speaks of.
#[derive(Clone, Debug)]
pub(super) struct Asserted {
    pub(super) expected: Expected,
    pub(super) source: Option<Source>,
    pub(super) claims: Vec<Claim>,
}

/// Reads the files at `paths`; all that is wrong with them is one error.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<TestFiles> {
    let files = FileArguments {
        files: paths.to_vec(),
        recursive: false,
    };
    let mut found = TestFiles {
        tests: Vec::new(),
        sources: SourceMap::default(),
    };
    let mut wrong = Vec::new();
    for Input { name, text } in files.read()? {
        found.sources.insert(name.as_str(), text.as_str());
        match policy_tests(&Input {
            name: name.clone(),
            text,
        }) {
            Ok(tests) => found
                .tests
                .extend(tests.into_iter().map(|test| (name.clone(), test))),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    refuse(&wrong, &found.sources)?;
    Ok(found)
}

impl TestFiles {
    /// The pods that they name; names without namespace are in `namespace`.
    pub(super) fn pods(&self, namespace: &str) -> impl Iterator<Item = ObjectName> {
        let cases = self.tests.iter().flat_map(|(_, test)| &test.cases);
        let assertions = cases.flat_map(|case| &case.assertions);
        let ends = assertions.flat_map(|assertion| assertion.from.iter().chain(&assertion.to));
        ends.filter_map(move |end| {
            let end = EndpointArgument::parse(&end.text, namespace).ok()?;
            end.pod().cloned()
        })
    }
}

fn refuse(wrong: &[Diagnostic], sources: &SourceMap) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let text = sources.render(wrong, RenderStyle::Colored);
    bail!("these tests cannot be used\n\n{text}")
}

impl Suite {
    /// The tests of `files` about `cluster`, to which pods that do not exist yet are added.
    pub(super) fn new(
        files: &TestFiles,
        cluster: &mut Cluster,
        namespace: &str,
    ) -> anyhow::Result<Self> {
        let namespaces = mentioned(cluster);
        let mut reader = Reader {
            cluster,
            namespace,
            namespaces,
            wrong: Vec::new(),
            doubts: Vec::new(),
        };
        let mut cases = Vec::new();
        for (file, test) in &files.tests {
            cases.extend(test.cases.iter().map(|case| reader.case(file, case)));
        }
        refuse(&reader.wrong, &files.sources)?;
        let doubts = reader.doubts;
        Ok(Self { cases, doubts })
    }

    /// The tests whose name contains `filter`, at least one.
    pub(super) fn chosen(&self, filter: Option<&str>) -> anyhow::Result<Vec<&Case>> {
        let Some(filter) = filter else {
            return Ok(self.cases.iter().collect());
        };
        let chosen: Vec<&Case> = self
            .cases
            .iter()
            .filter(|case| case.name.contains(filter))
            .collect();
        ensure!(!chosen.is_empty(), "no test has `{filter}` in its name");
        Ok(chosen)
    }
}

struct Reader<'a> {
    cluster: &'a mut Cluster,
    namespace: &'a str,
    /// Those that manifests mention.
    namespaces: BTreeSet<String>,
    wrong: Vec<Diagnostic>,
    doubts: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn case(&mut self, file: &str, case: &PolicyTestCase) -> Case {
        Case {
            name: case.name.clone(),
            file: file.to_owned(),
            reason: case.reason.clone(),
            assertions: case
                .assertions
                .iter()
                .map(|found| self.assertion(found))
                .collect(),
        }
    }

    fn assertion(&mut self, assertion: &Assertion) -> Asserted {
        let expected = assertion.expected;
        let from = self.sources(&assertion.from);
        let ports = self.ports(&assertion.ports);
        let mut named = self.destinations(&assertion.to, &from, &ports);
        let mut claims = Vec::new();
        for (source, destination) in pairs(self.cluster, &from, &named.ends) {
            let Some(meant) = named.of(self.cluster, &destination) else {
                continue;
            };
            if let Some(connections) = self.asked(expected, meant, &destination, &ports) {
                claims.push(Claim {
                    expected,
                    source,
                    destination,
                    connections,
                });
            }
        }
        Asserted {
            expected: assertion.expected,
            source: assertion.source.clone(),
            claims,
        }
    }

    fn sources(&mut self, written: &[Written]) -> Vec<Endpoint> {
        let ends = written
            .iter()
            .flat_map(|text| self.end(text, Side::Source, &[]).1);
        ends.collect()
    }

    /// The ends that connections from `from` lead to.
    fn destinations<'w>(
        &mut self,
        written: &'w [Written],
        from: &[Endpoint],
        ports: &[(&Written, Vec<PortArgument>)],
    ) -> Named<'w> {
        let ports: Vec<PortArgument> = ports.iter().flat_map(|(_, ports)| ports.clone()).collect();
        let mut found = Named::default();
        for text in written {
            let (argument, ends) = self.end(text, Side::Destination, &ports);
            let Some(argument) = argument else {
                continue;
            };
            for end in &ends {
                let doubt = nameless(self.cluster, &argument, from, end);
                self.doubt("NP-34", text, doubt);
                let is_server = argument == EndpointArgument::WellKnown(WellKnown::ApiServer);
                let doubt = is_server.then(|| translated(self.cluster, end, &ports));
                self.doubt("NP-33", text, doubt.flatten());
            }
            found.add(Meant { argument, text }, ends);
        }
        found
    }

    /// What `text` is read as, and stands for; nothing where something is wrong with it.
    fn end(
        &mut self,
        text: &Written,
        side: Side,
        ports: &[PortArgument],
    ) -> (Option<EndpointArgument>, Vec<Endpoint>) {
        let argument = EndpointArgument::parse(&text.text, self.namespace);
        let Some(argument) = self.keep(text, argument) else {
            return (None, Vec::new());
        };
        self.doubt("OB-4", text, unmentioned(&self.namespaces, &argument));
        self.doubt("Q-2", text, namesake(self.cluster, &text.text, &argument));
        let ends = resolve_at(self.cluster, &argument, side, ports);
        let ends = self.keep(text, ends).unwrap_or_default();
        (Some(argument), ends)
    }

    /// Takes note of what to know of `text`, if there is something.
    fn doubt(&mut self, rule: &'static str, text: &Written, message: Option<String>) {
        self.doubts.extend(message.map(|message| Diagnostic {
            severity: Severity::Warning,
            rule: Some(rule),
            ..diagnostic(text, &message)
        }));
    }

    fn ports<'w>(&mut self, written: &'w [Written]) -> Vec<(&'w Written, Vec<PortArgument>)> {
        let read = written.iter().filter_map(|text| {
            let found = self.keep(text, ports(&text.text))?;
            Some((text, found))
        });
        read.collect()
    }

    /// What is claimed of `destination`: every port where none is named. Nobody answers at ports of a range that a Service
    /// does not serve: they are not allowed, and not worth saying that they are denied.
    fn asked(
        &mut self,
        expected: Expected,
        meant: &Meant<'_>,
        destination: &Endpoint,
        ports: &[(&Written, Vec<PortArgument>)],
    ) -> Option<ConnectionSet> {
        if ports.is_empty() {
            let found = asked(self.cluster, &meant.argument, destination, &[]);
            return Some(self.keep(meant.text, found)?.connections);
        }
        let is_named = matches!(destination, Endpoint::Service(_));
        let mut all = ConnectionSet::none();
        for (text, ports) in ports {
            let found = asked(self.cluster, &meant.argument, destination, ports);
            let found = self.keep(text, found)?;
            all = all.union(&found.connections);
            if expected == Expected::Allow && is_named {
                all = all.union(&found.unserved);
            }
        }
        Some(all)
    }

    /// What is wrong with `text` is kept, once.
    fn keep<T>(&mut self, text: &Written, found: anyhow::Result<T>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                let diagnostic = diagnostic(text, &format!("{error:#}"));
                if !self.wrong.contains(&diagnostic) {
                    self.wrong.push(diagnostic);
                }
                None
            }
        }
    }
}

/// What a text stands for.
struct Meant<'w> {
    argument: EndpointArgument,
    text: &'w Written,
}

/// The ends that texts stand for.
#[derive(Default)]
struct Named<'w> {
    meant: Vec<Meant<'w>>,
    ends: Vec<Endpoint>,
    /// The text that each end is of, by its place.
    places: BTreeMap<Endpoint, usize>,
}

impl<'w> Named<'w> {
    fn add(&mut self, meant: Meant<'w>, ends: Vec<Endpoint>) {
        for end in &ends {
            self.places.entry(end.clone()).or_insert(self.meant.len());
        }
        self.ends.extend(ends);
        self.meant.push(meant);
    }

    /// What `end` was meant by: it is one of the ends, or a further address of one.
    fn of(&mut self, cluster: &Cluster, end: &Endpoint) -> Option<&Meant<'w>> {
        let place = match self.places.get(end) {
            Some(place) => *place,
            None => {
                let mut places = self.places.iter();
                let (_, place) = places.find(|(own, _)| is_met_at(cluster, own, end))?;
                let place = *place;
                self.places.insert(end.clone(), place);
                place
            }
        };
        self.meant.get(place)
    }
}

/// Whether `address` is one of `end`.
fn is_met_at(cluster: &Cluster, end: &Endpoint, address: &Endpoint) -> bool {
    let Endpoint::Address(address) = address else {
        return false;
    };
    addresses(cluster, end).contains(&address.to_canonical())
}

/// The first line of `message` is what is wrong, the others how it would be right.
fn diagnostic(text: &Written, message: &str) -> Diagnostic {
    let (message, help) = match message.split_once('\n') {
        Some((first, rest)) => (first, Some(rest.to_owned())),
        None => (message, None),
    };
    Diagnostic {
        location: text.location.clone(),
        help,
        ..Diagnostic::new(Severity::Error, message)
    }
}
