//! Files of trust zones.

use std::path::Path;

use anyhow::{Context as _, bail};
use ringfence_model::{Input, IntendedAccess, RenderStyle, SourceMap, TrustZones, trust_zones};
use ringfence_net::{ConnectionSet, PortSet};
use ringfence_reach::zone::Intent;

use super::arguments::{Profile, ZonesFileArguments};
use crate::inputs::FileArguments;
use crate::inputs::port::{PortArgument, ports};

/// Zones, and what is intended between them.
pub(crate) struct ZonesFile {
    pub(super) name: String,
    /// Whether it is one of the program's own.
    pub(super) is_built_in: bool,
    /// Its text, to quote from.
    pub(super) sources: SourceMap,
    pub(crate) zones: TrustZones,
    pub(super) intents: Vec<Intent>,
}

/// The file that is named, else the built-in one.
pub(crate) fn read(arguments: &ZonesFileArguments) -> anyhow::Result<ZonesFile> {
    let profile = arguments.profile.unwrap_or(Profile::Unmanaged);
    let input = match &arguments.zones {
        Some(path) => one_file(path)?,
        None => Input {
            name: profile.name().to_owned(),
            text: profile.text().to_owned(),
        },
    };
    let mut sources = SourceMap::default();
    sources.insert(input.name.as_str(), input.text.as_str());
    let zones = trust_zones(&input).map_err(|diagnostics| {
        let text = sources.render(&diagnostics, RenderStyle::Colored);
        anyhow::anyhow!("these trust zones cannot be used\n\n{text}")
    })?;
    let intents = zones.intended.iter().map(intents);
    let intents = intents.collect::<anyhow::Result<Vec<_>>>()?.concat();
    Ok(ZonesFile {
        name: input.name,
        is_built_in: arguments.zones.is_none(),
        sources,
        zones,
        intents,
    })
}

fn one_file(path: &Path) -> anyhow::Result<Input> {
    let files = FileArguments {
        files: vec![path.to_path_buf()],
        recursive: false,
    };
    let mut inputs = files.read()?;
    match (inputs.pop(), inputs.is_empty()) {
        (Some(input), true) => Ok(input),
        _ => bail!("{} is not one file of trust zones", path.display()),
    }
}

/// A row for each pair of zones that it names.
fn intents(row: &IntendedAccess) -> anyhow::Result<Vec<Intent>> {
    let connections = connections(row)?;
    let pairs = row
        .from
        .iter()
        .flat_map(|from| row.to.iter().map(move |to| (from, to)));
    let intents = pairs.map(|(from, to)| Intent {
        from: from.clone(),
        to: to.clone(),
        connections: connections.clone(),
        is_optional: row.optional,
    });
    Ok(intents.collect())
}

fn connections(row: &IntendedAccess) -> anyhow::Result<ConnectionSet> {
    if row.ports.is_empty() {
        return Ok(ConnectionSet::all());
    }
    let mut all = ConnectionSet::none();
    for written in &row.ports {
        let place = written
            .location
            .as_ref()
            .map(|place| place.source.to_string());
        let ports = ports(&written.text).context(place.unwrap_or_default())?;
        for port in ports {
            all = all.union(&one(&port, &written.text)?);
        }
    }
    Ok(all)
}

fn one(port: &PortArgument, text: &str) -> anyhow::Result<ConnectionSet> {
    Ok(match port {
        PortArgument::Numbers(protocol, range) => {
            ConnectionSet::of(*protocol, PortSet::from_range(*range))
        }
        PortArgument::Portless(_) => ConnectionSet::other_protocols(),
        PortArgument::Named(..) => bail!(
            "`{text}`: between zones ports are numbers, as a name means something else on each pod"
        ),
    })
}
