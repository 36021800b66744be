//! Comma-separated values as RFC 4180 has them.

use serde_json::Value;

/// A line of the members' names, then a line an object with the named members.
pub(super) fn lines(rows: &[Value], members: &[&str]) -> String {
    let mut text = members.join(",") + "\r\n";
    for row in rows {
        let cells: Vec<_> = members.iter().map(|member| cell(&row[*member])).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let rows = [
            json!({"a": "x,y", "b": 1, "c": null}),
            json!({"a": "say \"hi\"\r\n", "b": "0.000001"}),
        ];
        let expected = "a,b,c\r\n\"x,y\",1,\r\n\"say \"\"hi\"\"\r\n\",0.000001,\r\n";
        assert_eq!(lines(&rows, &["a", "b", "c"]), expected);
        assert_eq!(lines(&[], &["a"]), "a\r\n");
    }
}
