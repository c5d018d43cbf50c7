//! What is said alike, put together: so that people who look at what was not understood see each thing once.

use super::background;
use super::core::dot;
use super::features::{Vocabulary, occurrences, scaled};
use super::normalise::words;
use crate::base::Language;

/// Texts as like as this (cosine of words and characters) belong together.
const ALIKE: f32 = 0.3;
/// Most texts that are looked at.
const TEXTS_MAX: usize = 20_000;

/// Groups of texts that are alike, by place: the largest group first, and in each the text first that is most like the others.
/// At most 20 000 texts are looked at.
pub fn clusters(texts: &[&str]) -> Vec<Vec<usize>> {
    let texts = &texts[..texts.len().min(TEXTS_MAX)];
    let found: Vec<_> = texts.iter().map(|text| occurrences(&words(text))).collect();
    // Everyday sentences tell which words say little, however few texts there are.
    let everyday = [Language::EN, Language::ZH].into_iter().flat_map(|l| background::sentences(l).iter().copied());
    let all: Vec<_> = found.iter().cloned().chain(everyday.map(|text| occurrences(&words(text)))).collect();
    let vocabulary = Vocabulary::learn(&all, 1);
    let vectors: Vec<Vec<(u32, f32)>> = found.iter().map(|o| unit(&vocabulary, o)).collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, vector) in vectors.iter().enumerate() {
        let like = |group: &Vec<usize>| group.iter().take(20).map(|other| dot(vector, &vectors[*other])).fold(0.0f32, f32::max);
        let best = groups.iter_mut().map(|group| (like(group), group)).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((how, group)) if how >= ALIKE => group.push(place),
            _ => groups.push(vec![place]),
        }
    }
    for group in &mut groups {
        let middle = |a: &usize| group.iter().take(50).map(|b| dot(&vectors[*a], &vectors[*b])).sum::<f32>();
        let first = (0..group.len()).max_by(|a, b| middle(&group[*a]).total_cmp(&middle(&group[*b])).then(b.cmp(a)));
        group.swap(0, first.unwrap_or(0));
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.first().copied()));
    groups
}

fn unit(vocabulary: &Vocabulary, text: &[super::features::Occurrence]) -> Vec<(u32, f32)> {
    let mut out = Vec::new();
    scaled(&vocabulary.look_up(text), |_| true, &mut out);
    out.sort_by_key(|(id, _)| *id);
    // A feature that stands twice counts twice.
    let mut merged: Vec<(u32, f32)> = Vec::with_capacity(out.len());
    for (id, weight) in out {
        match merged.last_mut() {
            Some(last) if last.0 == id => last.1 += weight,
            _ => merged.push((id, weight)),
        }
    }
    let length = merged.iter().map(|(_, w)| w * w).sum::<f32>().sqrt().max(1e-6);
    merged.iter_mut().for_each(|(_, w)| *w /= length);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_alike_comes_together_the_most_frequent_first() {
        let texts = [
            "can i change the delivery day",
            "do you sell gift cards",
            "change my delivery day please",
            "i want a gift card",
            "i want to change the day of delivery",
            "my cat is ill",
            "change the delivery day",
        ];
        let groups = clusters(&texts);
        let mut first = groups[0].clone();
        first.sort_unstable();
        assert_eq!(first, [0, 2, 4, 6]);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), texts.len());
        assert_eq!(clusters(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(groups, clusters(&texts));
    }
}
