//! Where each value of a JSON text stands.

use std::ops::Range;

use tieline_core::problem::Step;

/// The place of a value and of everything inside it, in bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    /// The value, from its first byte to after its last.
    pub(crate) span: Range<usize>,
    /// What is inside.
    pub(crate) inside: Inside,
}

/// What is inside a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inside {
    /// Nothing: a text, a number, `true`, `false` or `null`.
    Nothing,
    /// The items of a list.
    Items(Vec<Outline>),
    /// The members of an object as they were written, a repeated key included.
    Members(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its key, decoded.
    pub(crate) name: String,
    /// Its key in the text, with the quotes.
    pub(crate) key: Range<usize>,
    /// Its value.
    pub(crate) value: Outline,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'o> {
    /// The key that the value stands under; `None` for an item of a list and for the root.
    pub(crate) key: Option<&'o Range<usize>>,
    /// The value.
    pub(crate) value: &'o Outline,
}

impl Outline {
    /// Follows a path. Of a repeated key the last one counts, as in the value that was read.
    pub(crate) fn find(&self, path: &[Step]) -> Option<Found<'_>> {
        path.iter().try_fold(Found { key: None, value: self }, |found, step| found.value.step(step))
    }

    fn step(&self, step: &Step) -> Option<Found<'_>> {
        match (step, &self.inside) {
            (Step::Key(name), Inside::Members(members)) => {
                let member = members.iter().rev().find(|member| member.name == *name)?;
                Some(Found { key: Some(&member.key), value: &member.value })
            }
            (Step::Index(index), Inside::Items(items)) => Some(Found { key: None, value: items.get(*index)? }),
            _ => None,
        }
    }
}
