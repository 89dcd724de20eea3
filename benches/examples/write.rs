//! Writes a large cluster as manifests, to measure commands with: `write DIRECTORY [PODS NAMESPACES POLICIES]`.

use std::path::Path;

use anyhow::Context as _;
use ringfence_testkit::scale::{Size, cluster, with_services};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().context("name a directory to write to")?;
    let numbers = arguments.map(|number| number.parse());
    let numbers: Vec<usize> = numbers.collect::<Result<_, _>>()?;
    let size = match numbers.as_slice() {
        [] => Size::LARGE,
        [pods, namespaces, policies] => Size {
            pods: *pods,
            namespaces: *namespaces,
            policies: *policies,
            ..Size::LARGE
        },
        _ => anyhow::bail!("give three numbers: pods, namespaces, policies"),
    };
    ringfence_benches::write(with_services(cluster(1, size)), Path::new(&directory))
}
