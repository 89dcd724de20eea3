//! Network configuration lists.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::environment::is_identifier;
use crate::version::SpecVersion;

/// A network: the plugins to call in order.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkList {
    /// Of the specification.
    pub version: SpecVersion,
    /// Its name.
    pub name: String,
    /// CHECK is not to be called.
    pub disable_check: bool,
    /// GC is not to be called.
    pub disable_gc: bool,
    /// The plugins' configurations as written.
    pub plugins: Vec<Map<String, Value>>,
    /// The whole list as written, with the plugins from other files.
    pub source: Value,
}

impl NetworkList {
    /// Understands a list, or a single plugin's configuration (deprecated) as a list of one.
    /// `aggregated` are plugins from other files, which come last unless the list refuses them.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn from_json(source: &Value, aggregated: &[Map<String, Value>]) -> Result<Self, String> {
        let fields = source.as_object().ok_or("not an object")?;
        let name = text(fields, "name").ok_or("no `name`")?;
        if !is_identifier(name) {
            return Err(format!("invalid network name `{name}`"));
        }
        let mut plugins = inlined(fields)?;
        if !flag(fields, "loadOnlyInlinedPlugins")? {
            plugins.extend_from_slice(aggregated);
        }
        if plugins.is_empty() {
            return Err("no plugins".to_owned());
        }
        if plugins.iter().any(|plugin| type_of(plugin).is_empty()) {
            return Err("a plugin without `type`".to_owned());
        }
        Ok(Self {
            version: version(fields)?,
            name: name.to_owned(),
            disable_check: flag(fields, "disableCheck")?,
            disable_gc: flag(fields, "disableGC")?,
            source: complete(fields, &plugins),
            plugins,
        })
    }

    /// What a plugin gets on its standard input.
    #[must_use]
    pub fn plugin_config(
        &self,
        plugin: &Map<String, Value>,
        capabilities: &Map<String, Value>,
        previous: Option<&Value>,
    ) -> Map<String, Value> {
        let mut config = plugin.clone();
        config.insert("cniVersion".to_owned(), self.version.as_str().into());
        config.insert("name".to_owned(), self.name.clone().into());
        config.remove("prevResult");
        if let Some(previous) = previous {
            config.insert("prevResult".to_owned(), previous.clone());
        }
        let declared = plugin.get("capabilities").and_then(Value::as_object);
        let offered: Map<String, Value> = capabilities
            .iter()
            .filter(|(key, _)| {
                declared.and_then(|declared| declared.get(*key)) == Some(&Value::Bool(true))
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !offered.is_empty() {
            config.insert("runtimeConfig".to_owned(), offered.into());
        }
        config
    }
}

/// The lexically first valid list of a folder. `Err` tells what is wrong with the first that is not.
///
/// # Errors
/// The reason, where there is a file at all.
pub fn load(folder: &Path) -> Result<NetworkList, Option<String>> {
    let mut reason = None;
    for path in files(folder, &["conflist", "conf", "json"]) {
        match load_file(&path, folder) {
            Ok(network) => return Ok(network),
            Err(error) => {
                reason.get_or_insert(format!("{}: {error}", path.display()));
            }
        }
    }
    Err(reason)
}

/// The `type` of a plugin's configuration.
#[must_use]
pub fn type_of(plugin: &Map<String, Value>) -> &str {
    text(plugin, "type").unwrap_or_default()
}

fn load_file(path: &Path, folder: &Path) -> Result<NetworkList, String> {
    let source = read(path)?;
    let name = source
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut aggregated = Vec::new();
    if is_identifier(name) {
        for path in files(&folder.join(name), &["conf"]) {
            let Value::Object(plugin) = read(&path)? else {
                return Err(format!("{}: not an object", path.display()));
            };
            aggregated.push(plugin);
        }
    }
    NetworkList::from_json(&source, &aggregated)
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// A folder that is not there has no files.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && has_ending(path, endings))
        .collect();
    paths.sort();
    paths
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|own| endings.contains(&own))
}

fn inlined(fields: &Map<String, Value>) -> Result<Vec<Map<String, Value>>, String> {
    match fields.get("plugins") {
        Some(Value::Array(plugins)) => plugins
            .iter()
            .map(|plugin| {
                plugin
                    .as_object()
                    .cloned()
                    .ok_or("a plugin is not an object".to_owned())
            })
            .collect(),
        Some(_) => Err("`plugins` is not a list".to_owned()),
        None if fields.contains_key("type") => Ok(vec![fields.clone()]),
        None => Ok(Vec::new()),
    }
}

/// The highest that we speak of those that the list offers.
fn version(fields: &Map<String, Value>) -> Result<SpecVersion, String> {
    let listed = fields.get("cniVersions").and_then(Value::as_array);
    let offered = listed.into_iter().flatten().filter_map(Value::as_str);
    let best = offered.filter_map(SpecVersion::from_text).max();
    match best {
        Some(best) => Ok(best),
        None => {
            SpecVersion::of_config(text(fields, "cniVersion")).map_err(|error| error.to_string())
        }
    }
}

/// A boolean, which may be written as a string.
fn flag(fields: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match fields.get(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(format!("`{key}` is not a boolean")),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    fields
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The list with every plugin in it, so that it says the same without the other files.
fn complete(fields: &Map<String, Value>, plugins: &[Map<String, Value>]) -> Value {
    let mut list = fields.clone();
    let plugins: Vec<Value> = plugins.iter().cloned().map(Value::Object).collect();
    list.insert("plugins".to_owned(), plugins.into());
    list.insert("loadOnlyInlinedPlugins".to_owned(), true.into());
    Value::Object(list)
}

#[cfg(test)]
mod tests;
