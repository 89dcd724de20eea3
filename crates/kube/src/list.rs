//! The objects of one kind, page by page.

use kube::Client;
use serde_json::Value;

use crate::kinds::Kind;

/// Objects of a page, as `kubectl` asks for.
const PAGE: usize = 500;

/// The objects of a kind, in the version that the cluster has.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) kind: &'static Kind,
    pub(crate) version: &'static str,
    pub(crate) items: Vec<Value>,
}

/// A kind that could not be listed.
#[derive(Debug)]
pub(crate) enum ListError {
    /// The cluster has it not.
    NotServed,
    /// The user may not list it.
    Forbidden,
    /// The credentials are not accepted.
    Unauthorized,
    /// The server says something else.
    Refused(String),
    /// There is no server, or none that can be trusted.
    Unreachable(kube::Error),
    /// What came is no list.
    NoList,
}

impl From<kube::Error> for ListError {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::Unreachable(error);
        };
        match status.code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotServed,
            _ => Self::Refused(status.message.clone()),
        }
    }
}

/// All objects of `kind`, in the first of its versions that the cluster has.
pub(crate) async fn list(client: &Client, kind: &'static Kind) -> Result<Listed, ListError> {
    for version in kind.versions {
        match pages(client, &kind.path(version)).await {
            Ok(items) => {
                return Ok(Listed {
                    kind,
                    version,
                    items,
                });
            }
            Err(ListError::NotServed) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ListError::NotServed)
}

/// The groups that the server has, with their versions.
pub(crate) async fn groups(client: &Client) -> Result<Vec<(String, Vec<String>)>, ListError> {
    let found = get(client, "/apis").await?;
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let group = |group: &Value| {
        let versions = array(group, "versions");
        let versions = versions.iter().filter_map(|found| text(found, "version"));
        Some((text(group, "name")?, versions.collect()))
    };
    Ok(array(&found, "groups").iter().filter_map(group).collect())
}

/// A list that grows too old between its pages is asked for once more, as a whole: its pages would not fit together.
async fn pages(client: &Client, path: &str) -> Result<Vec<Value>, ListError> {
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let page = match get(client, &page_path(path, &next)).await {
            Err(Failure::Expired) if !next.is_empty() => return whole(client, path).await,
            other => other?,
        };
        let token = token(&page);
        items.extend(items_of(page)?);
        match token {
            Some(token) => next = token,
            None => return Ok(items),
        }
    }
}

async fn whole(client: &Client, path: &str) -> Result<Vec<Value>, ListError> {
    items_of(get(client, path).await?)
}

fn page_path(path: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &PAGE.to_string());
    if !next.is_empty() {
        query.append_pair("continue", next);
    }
    format!("{path}?{}", query.finish())
}

fn token(page: &Value) -> Option<String> {
    let token = page.get("metadata")?.get("continue")?.as_str()?;
    (!token.is_empty()).then(|| token.to_owned())
}

fn items_of(mut page: Value) -> Result<Vec<Value>, ListError> {
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        // An empty list may be written as null.
        Some(Value::Null) => Ok(Vec::new()),
        _ => Err(ListError::NoList),
    }
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let found = value.get(key).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

enum Failure {
    /// 410.
    Expired,
    Other(ListError),
}

impl From<Failure> for ListError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Expired => Self::Refused("the list is too old to go on with".to_owned()),
            Failure::Other(error) => error,
        }
    }
}

async fn get(client: &Client, path: &str) -> Result<Value, Failure> {
    let request = http::Request::get(path).header(http::header::ACCEPT, "application/json");
    let request = request.body(Vec::new());
    let request = request.map_err(|_| Failure::Other(ListError::NoList))?;
    match client.request_text(request).await {
        Ok(text) => serde_json::from_str(&text).map_err(|_| Failure::Other(ListError::NoList)),
        Err(kube::Error::Api(status)) if status.code == 410 => Err(Failure::Expired),
        Err(error) => Err(Failure::Other(error.into())),
    }
}
