//! Questions that clients ask about themselves. There is one user, who may do everything, and is told so; nothing is stored.

use serde_json::{Value, json};

use super::answer::Answer;
use super::{Api, Method, Request};
use crate::object;
use crate::status::ApiError;

/// A question: the group, the kind, what its resource is called.
pub(super) struct Review {
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    status: fn() -> Value,
}

/// The version of all of them.
pub(super) const VERSION: &str = "v1";

pub(super) static REVIEWS: [Review; 3] = [
    Review {
        group: "authentication.k8s.io",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        status: user,
    },
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        status: allowed,
    },
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        status: rules,
    },
];

/// The groups of the questions.
pub(super) fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = REVIEWS.iter().map(|review| review.group).collect();
    groups.dedup();
    groups
}

/// The questions of one version of a group.
pub(super) fn of_group<'a>(
    group: &'a str,
    version: &str,
) -> impl Iterator<Item = &'static Review> + use<'a> {
    let known = version == VERSION;
    let reviews = REVIEWS.iter();
    reviews.filter(move |review| known && review.group == group)
}

impl Api {
    /// Answers a question; `None` if the path names none.
    pub(super) fn review(
        &self,
        request: &Request,
        path: &[&str],
    ) -> Option<Result<Answer, ApiError>> {
        let ["apis", group, version, plural] = path else {
            return None;
        };
        let mut reviews = of_group(group, version);
        let review = reviews.find(|review| review.plural == *plural)?;
        Some(if request.method == Method::Post {
            review.answer(request)
        } else {
            let message = format!("{plural} are only created: they are questions");
            Err(ApiError::not_allowed(message))
        })
    }
}

impl Review {
    fn answer(&self, request: &Request) -> Result<Answer, ApiError> {
        let body = request.value()?.filter(Value::is_object);
        let mut review = body.ok_or_else(|| {
            let message = format!("the body must hold an object of kind {}", self.kind);
            ApiError::bad_request(message)
        })?;
        object::drop_nulls(&mut review);
        let fields = object::fields(&mut review);
        let api_version = format!("{}/{VERSION}", self.group);
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), self.kind.into());
        fields.insert("status".to_owned(), (self.status)());
        Ok(Answer::json(201, review))
    }
}

fn allowed() -> Value {
    json!({"allowed": true, "reason": "the only user of this API may do everything"})
}

fn rules() -> Value {
    json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}

fn user() -> Value {
    json!({"userInfo": {
        "username": "ringfence-admin", "groups": ["system:masters", "system:authenticated"],
    }})
}
