//! Collects mistakes, each with the tokens at which it is shown, and suggests corrections for
//! misspelt words.

/// All mistakes found so far, each of which the compiler shows at its own place.
#[derive(Clone, Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// The value, or `None` after noting the mistake.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// A mistake, shown at these tokens: `mistake!(tokens, "message with {numbers}")`.
macro_rules! mistake {
    ($tokens:expr, $($message:tt)+) => {
        syn::Error::new_spanned($tokens, format!($($message)+))
    };
}
pub(crate) use mistake;

/// "`a`, `b` or `c`".
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// ": did you mean `bank`?", if what was written is at most two slips away from one of the words.
pub(crate) fn did_you_mean(written: &str, words: &[&str]) -> Option<String> {
    words
        .iter()
        .map(|word| (slips(&written.to_lowercase(), word), word))
        .filter(|&(slips, word)| slips <= 2 && slips < word.len())
        .min()
        .map(|(_, word)| format!(": did you mean `{word}`?"))
}

/// How many letters must be added, dropped, replaced or swapped with their neighbour to get from
/// one word to the other (the optimal string alignment distance).
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    // `rows[i][j]` is the distance between the first `i` letters of `a` and the first `j` of `b`.
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
