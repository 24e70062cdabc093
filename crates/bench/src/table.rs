//! Tables in Markdown that are as readable on a terminal.

/// A table: the first column is of names, the others are of numbers.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![head.into_iter().map(Into::into).collect()] }
    }

    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// Widths of the columns, in characters.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        (0..columns)
            .map(|at| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
            })
            .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            text += &line(row, &widths);
            if number == 0 {
                for (at, width) in widths.iter().enumerate() {
                    let rule = "-".repeat(width + 1);
                    text += &if at == 0 { format!("|-{rule}") } else { format!("|{rule}:") };
                }
                text += "|\n";
            }
        }
        text
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (at, width) in widths.iter().enumerate() {
        let cell = row.get(at).map_or("", String::as_str);
        text += &if at == 0 { format!("| {cell:width$} ") } else { format!("| {cell:>width$} ") };
    }
    text + "|\n"
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["name", "n"]);
        assert!(table.is_empty());
        table.row(["é", "12345"]);
        assert_eq!(table.markdown(), "| name |     n |\n|------|------:|\n| é    | 12345 |\n");
    }
}
