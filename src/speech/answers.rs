//! Which of the answers that count was it? A search over a decoder that writes one token after the other (Whisper's), which
//! looks only where an answer can go on, and gives each answer's exact likelihood. Pure.

/// A token of the model's vocabulary.
pub(crate) type Token = i32;

/// Natural logarithms of the next token's probabilities behind a beginning.
pub(crate) type After<'a, E> = dyn FnMut(&[Token]) -> Result<Vec<f32>, E> + 'a;

/// An answer that costs this much more (natural logarithm) than the best one found is no rival.
const NO_RIVAL: f32 = 6.0;

/// The answers that count, as a graph of tokens: phrases share their beginnings, chains of digits their places. A beginning that
/// both have ("one", "one moment") is there twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Node {
    next: Vec<(Token, usize)>,
    /// An answer may end here.
    ends: bool,
}

/// An answer with its log likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// Its tokens.
    pub(crate) tokens: Vec<Token>,
    /// Natural logarithm of the probability of these tokens and of an end behind them.
    pub(crate) log: f32,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers { nodes: vec![Node::default()] }
    }
}

impl Answers {
    /// Adds a phrase; all of them before any digits. An empty one is none.
    pub(crate) fn add(&mut self, phrase: &[Token]) {
        let mut at = 0;
        for token in phrase {
            at = self.step(at, *token);
        }
        self.nodes[at].ends |= at > 0;
    }

    /// Adds chains of 1 to `most` of these digits; behind `double` a digit counts twice.
    pub(crate) fn add_digits(&mut self, digits: &[Token], double: Option<Token>, most: usize) {
        // The places 1..=most of the chain, each reached from the one before it by any digit.
        let mut places = vec![0];
        for _ in 0..most {
            places.push(self.node(Node { ends: true, ..Node::default() }));
        }
        for (n, &from) in places.iter().enumerate() {
            if let Some(&to) = places.get(n + 1) {
                self.nodes[from].next.extend(digits.iter().map(|d| (*d, to)));
            }
            if let (Some(double), Some(&to)) = (double, places.get(n + 2)) {
                let between = self.node(Node { next: digits.iter().map(|d| (*d, to)).collect(), ends: false });
                self.nodes[from].next.push((double, between));
            }
        }
    }

    /// Whether these tokens are one of the answers.
    pub(crate) fn holds(&self, tokens: &[Token]) -> bool {
        let mut at = vec![0];
        for token in tokens {
            at = at.iter().flat_map(|n| self.nodes[*n].next.iter().filter(|(t, _)| t == token).map(|(_, to)| *to)).collect();
        }
        at.iter().any(|n| self.nodes[*n].ends)
    }

    fn step(&mut self, at: usize, token: Token) -> usize {
        if let Some((_, to)) = self.nodes[at].next.iter().find(|(t, _)| *t == token) {
            return *to;
        }
        let to = self.node(Node::default());
        self.nodes[at].next.push((token, to));
        to
    }

    fn node(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The likeliest answers, best first, at most `keep`. `after` gives the natural logarithms of the next token's
    /// probabilities behind a beginning (asked depth first, so a decoder keeps what it knows of all but the last token); it is
    /// asked at most `most` times. `end` is the token that ends a text.
    ///
    /// # Errors
    /// What `after` says.
    pub(crate) fn search<E>(&self, end: Token, keep: usize, most: usize, after: &mut After<'_, E>) -> Result<Vec<Found>, E> {
        let mut search = Search { answers: self, end, keep, left: most, after, found: Vec::new() };
        search.visit(0, &mut Vec::new(), 0.0)?;
        Ok(search.found)
    }
}

struct Search<'a, E> {
    answers: &'a Answers,
    end: Token,
    keep: usize,
    left: usize,
    after: &'a mut After<'a, E>,
    /// Best first.
    found: Vec<Found>,
}

impl<E> Search<'_, E> {
    /// A branch below this cannot become one of the answers kept.
    fn bound(&self) -> f32 {
        let best = self.found.first().map_or(f32::NEG_INFINITY, |f| f.log - NO_RIVAL);
        let last = self.found.get(self.keep - 1).map_or(f32::NEG_INFINITY, |f| f.log);
        best.max(last)
    }

    fn visit(&mut self, at: usize, path: &mut Vec<Token>, log: f32) -> Result<(), E> {
        if self.left == 0 || log < self.bound() {
            return Ok(());
        }
        self.left -= 1;
        let scores = (self.after)(path)?;
        let score =
            |token: Token| usize::try_from(token).ok().and_then(|t| scores.get(t)).map_or(f32::NEG_INFINITY, |s| log + s);
        let node = &self.answers.nodes[at];
        let mut ways: Vec<(f32, Token, Option<usize>)> =
            node.next.iter().map(|(token, to)| (score(*token), *token, Some(*to))).collect();
        if node.ends {
            ways.push((score(self.end), self.end, None));
        }
        ways.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (log, token, to) in ways {
            if log < self.bound() {
                break;
            }
            match to {
                Some(to) => {
                    path.push(token);
                    self.visit(to, path, log)?;
                    path.pop();
                }
                None => self.note(path, log),
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &[Token], log: f32) {
        // A chain of digits and a phrase may be the same words.
        if self.found.iter().any(|f| f.tokens == path) {
            return;
        }
        let place = self.found.partition_point(|f| f.log >= log);
        self.found.insert(place, Found { tokens: path.to_vec(), log });
        self.found.truncate(self.keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder that has one text in mind and slips a little.
    fn decoder(text: &[Token]) -> impl FnMut(&[Token]) -> Result<Vec<f32>, ()> + '_ {
        |path| {
            let right = if text.starts_with(path) { text.get(path.len()).copied().unwrap_or(0) } else { 0 };
            Ok((0..20).map(|t| if t == right { -0.1 } else { -3.0 - t as f32 / 100.0 }).collect())
        }
    }

    fn found(answers: &Answers, text: &[Token]) -> Vec<Found> {
        answers.search(0, 3, 200, &mut decoder(text)).expect("never fails")
    }

    #[test]
    fn the_likeliest_phrase_comes_first_with_its_rivals() {
        let mut answers = Answers::default();
        for phrase in [&[1, 2, 3][..], &[1, 2], &[4], &[]] {
            answers.add(phrase);
        }
        let found = found(&answers, &[1, 2]);
        assert_eq!(found.iter().map(|f| f.tokens.clone()).collect::<Vec<_>>(), [vec![1, 2], vec![4], vec![1, 2, 3]]);
        assert!((found[0].log + 0.3).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn what_is_no_answer_is_never_found() {
        let mut answers = Answers::default();
        answers.add(&[1, 2, 3]);
        assert_eq!(found(&answers, &[1, 2])[0].tokens, [1, 2, 3]);
        assert_eq!(found(&Answers::default(), &[1]), []);
    }

    #[test]
    fn digits_are_chains_and_share_beginnings_with_phrases() {
        let mut answers = Answers::default();
        answers.add(&[1, 15]);
        answers.add(&[16]);
        answers.add_digits(&[1, 2, 3], Some(9), 4);
        for text in [&[1][..], &[1, 2, 3, 3], &[9, 2], &[1, 9, 2, 3], &[1, 15], &[16], &[3, 9, 3, 1]] {
            assert_eq!(found(&answers, text)[0].tokens, text, "{text:?}");
            assert!(answers.holds(text));
        }
        assert!(!answers.holds(&[1, 2, 3, 3, 1]) && !answers.holds(&[15]) && !answers.holds(&[9]) && !answers.holds(&[]));
        // A fifth digit is one too many.
        assert_ne!(found(&answers, &[1, 2, 3, 3, 1])[0].tokens, [1, 2, 3, 3, 1]);
    }

    #[test]
    fn it_asks_no_more_often_than_it_may() {
        let mut answers = Answers::default();
        answers.add_digits(&[1, 2, 3], None, 12);
        let mut asked = 0;
        let mut flat = |_: &[Token]| {
            asked += 1;
            Ok::<_, ()>(vec![-2.0; 20])
        };
        answers.search(0, 3, 40, &mut flat).expect("never fails");
        assert_eq!(asked, 40);
    }
}
