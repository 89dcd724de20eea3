//! The names of formats after `--output`.

use clap::builder::PossibleValue;

/// Every format that a command may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Yaml,
    Csv,
    Markdown,
    Dot,
    Mermaid,
    Svg,
    Html,
    Sarif,
    Junit,
    Tap,
}

impl Format {
    /// The words that stand for the format.
    pub(crate) fn possible_value(self) -> PossibleValue {
        match self {
            Self::Text => PossibleValue::new("text"),
            Self::Json => PossibleValue::new("json"),
            Self::Yaml => PossibleValue::new("yaml").alias("yml"),
            Self::Csv => PossibleValue::new("csv"),
            Self::Markdown => PossibleValue::new("md").alias("markdown"),
            Self::Dot => PossibleValue::new("dot"),
            Self::Mermaid => PossibleValue::new("mermaid"),
            Self::Svg => PossibleValue::new("svg"),
            Self::Html => PossibleValue::new("html"),
            Self::Sarif => PossibleValue::new("sarif"),
            Self::Junit => PossibleValue::new("junit"),
            Self::Tap => PossibleValue::new("tap"),
        }
    }
}

/// Makes the closed enum of the formats that one command takes: `output_formats!(ExplainFormat { Text, Json })`, to be
/// used as `#[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)] output: ExplainFormat`.
macro_rules! output_formats {
    ($name:ident { $($format:ident),+ $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($format),+
        }

        impl clap::ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$format),+]
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(match self {
                    $(Self::$format => $crate::output::format::Format::$format.possible_value()),+
                })
            }
        }
    };
}

pub(crate) use output_formats;

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    output_formats!(All {
        Text,
        Json,
        Yaml,
        Csv,
        Markdown,
        Dot,
        Mermaid,
        Svg,
        Html,
        Sarif,
        Junit,
        Tap,
    });
    output_formats!(Few { Text, Markdown });

    #[derive(Debug, clap::Parser)]
    struct Command {
        #[arg(short, long, value_enum, default_value_t = Few::Text)]
        output: Few,
    }

    fn read(arguments: &[&str]) -> Result<Few, String> {
        let all = [&["command"], arguments].concat();
        let command = Command::try_parse_from(all);
        command
            .map(|read| read.output)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_takes_its_formats_and_no_other() {
        assert_eq!(read(&[]), Ok(Few::Text));
        assert_eq!(read(&["-o", "md"]), Ok(Few::Markdown));
        assert_eq!(read(&["--output=markdown"]), Ok(Few::Markdown));
        let refusal = read(&["-o", "json"]).unwrap_err();
        assert!(refusal.contains("[possible values: text, md]"), "{refusal}");
    }

    #[test]
    fn every_format_has_a_word_of_its_own() {
        use clap::ValueEnum as _;
        let words: Vec<String> = All::value_variants()
            .iter()
            .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
            .collect();
        let expected = "text json yaml csv md dot mermaid svg html sarif junit tap";
        assert_eq!(words.join(" "), expected);
    }
}
