//! Comma-separated values, for spreadsheets.

use super::plain::plain;

/// One line of CSV (RFC 4180).
pub(crate) fn line(fields: &[String]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    fields.join(",") + "\n"
}

/// A field in quotation marks where it needs them. Spreadsheets take what begins like a formula for one, so that gets
/// an apostrophe.
pub(crate) fn quoted(field: &str) -> String {
    let field = plain(field);
    let field = if field.starts_with(['=', '+', '-', '@']) {
        format!("'{field}")
    } else {
        field
    };
    if field.contains([',', '"']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let fields = ["a", "tcp/80,443", "say \"x\"", "=1+1", "a\nb"].map(str::to_owned);
        assert_eq!(
            line(&fields),
            "a,\"tcp/80,443\",\"say \"\"x\"\"\",'=1+1,a\\nb\n"
        );
    }
}
