//! That one row is in the log, shown to someone who has nothing but a checkpoint: C2SP's tlog proof
//! (c2sp.org/tlog-proof; read 2026-11-22) with RFC 6962's audit path (section 2.1.1).

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    merkle::{Frontier, Hash, leaf_hash, node_hash},
    note::{BadNote, TreeHead, Verifier},
};

/// A proof, as it is handed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The row's bytes, as they were hashed.
    pub row: Vec<u8>,
    /// How many rows stand before it.
    pub index: u64,
    /// The roots of the trees beside its way to the root, the nearest first.
    pub path: Vec<Hash>,
    /// The signed checkpoint that it is held against.
    pub checkpoint: String,
}

/// Why a proof is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadProof {
    /// It is no proof.
    #[error("it is no tlog proof of a Keystead log")]
    Malformed,
    /// Its checkpoint is not believed.
    #[error("of its checkpoint: {0}")]
    Checkpoint(#[from] BadNote),
    /// The row is not in the log that the checkpoint is of.
    #[error("the row is not in the log that its checkpoint speaks of")]
    NotIncluded,
}

impl Proof {
    /// As text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let hashes: String = self
            .path
            .iter()
            .map(|hash| BASE64_STANDARD.encode(hash) + "\n")
            .collect();
        format!(
            "{FIRST_LINE}\nextra {}\nindex {}\n{hashes}\n{}",
            BASE64_STANDARD.encode(&self.row),
            self.index,
            self.checkpoint
        )
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`BadProof::Malformed`].
    pub fn parse(text: &str) -> Result<Self, BadProof> {
        Self::read(text).ok_or(BadProof::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.lines();
        let is_known = lines.next() == Some(FIRST_LINE);
        let row = lines.next()?.strip_prefix("extra ")?;
        let index = lines.next()?.strip_prefix("index ")?;
        let path: Option<Vec<Hash>> = lines
            .map(|line| BASE64_STANDARD.decode(line).ok()?.try_into().ok())
            .collect();
        is_known.then_some(Self {
            row: BASE64_STANDARD.decode(row).ok()?,
            index: index.parse().ok()?,
            path: path?,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// The head of the log that the row is in, if it is.
    ///
    /// # Errors
    ///
    /// [`BadProof`].
    pub fn verify(&self, verifier: &Verifier) -> Result<TreeHead, BadProof> {
        let head = verifier.open(&self.checkpoint)?;
        let root = root_from(leaf_hash(&self.row), self.index, head.size, &self.path);
        match root {
            Some(root) if root == head.root => Ok(head),
            _ => Err(BadProof::NotIncluded),
        }
    }
}

/// Makes an audit path in one pass over the leaves.
#[derive(Debug)]
pub(super) struct PathMaker {
    /// Where each tree beside the way begins, behind its last leaf, and what came of it so far; the
    /// nearest to the leaf first.
    beside: Vec<(u64, u64, Frontier)>,
}

impl PathMaker {
    /// For the leaf behind `index` others in a tree of `size`; `None` if there is no such leaf.
    pub(super) fn new(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut begin, mut end) = (0, size);
        let mut beside = Vec::new();
        while end - begin > 1 {
            // RFC 6962: the left part has the largest power of two below the whole.
            let half = (end - begin).next_power_of_two() / 2;
            let split = begin + half;
            if index < split {
                beside.push((split, end, Frontier::default()));
                end = split;
            } else {
                beside.push((begin, split, Frontier::default()));
                begin = split;
            }
        }
        beside.reverse();
        Some(Self { beside })
    }

    /// Takes the leaf behind `index` others.
    pub(super) fn take(&mut self, index: u64, leaf: Hash) {
        let of = |(begin, end, _): &&mut (u64, u64, Frontier)| (*begin..*end).contains(&index);
        if let Some((_, _, tree)) = self.beside.iter_mut().find(of) {
            tree.append(leaf);
        }
    }

    /// The path.
    pub(super) fn finish(self) -> Vec<Hash> {
        let roots = self.beside.into_iter();
        roots.map(|(_, _, tree)| tree.root()).collect()
    }
}

/// The root that a leaf and its path make; `None` where the path is of another tree (RFC 9162,
/// 2.1.3.2).
pub(super) fn root_from(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (index, size.checked_sub(1)?);
    if at > last {
        return None;
    }
    let mut root = leaf;
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node_hash(beside, &root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node_hash(&root, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_from_each_leaf_to_the_root_and_from_no_other() {
        for size in 1..70_u64 {
            let leaves: Vec<Hash> = (0..size).map(|at| leaf_hash(&at.to_be_bytes())).collect();
            let mut tree = Frontier::default();
            leaves.iter().for_each(|leaf| tree.append(*leaf));
            for index in 0..size {
                let mut maker = PathMaker::new(index, size).unwrap();
                for (at, leaf) in (0..).zip(&leaves) {
                    maker.take(at, *leaf);
                }
                let path = maker.finish();
                let leaf = leaves[usize::try_from(index).unwrap()];
                let root = |leaf, index, size| root_from(leaf, index, size, &path);
                assert_eq!(
                    root(leaf, index, size),
                    Some(tree.root()),
                    "{index} of {size}"
                );
                assert_ne!(root([0; 32], index, size), Some(tree.root()));
                assert_eq!(root(leaf, size, size), None);
                if index > 0 {
                    assert_ne!(root(leaf, index - 1, size), Some(tree.root()));
                }
            }
            assert!(PathMaker::new(size, size).is_none());
        }
    }

    #[test]
    fn a_proof_reads_back_and_a_broken_one_does_not() {
        let proof = Proof {
            row: b"a row".to_vec(),
            index: 3,
            path: vec![[1; 32], [2; 32]],
            checkpoint: "a\n1\nb\n\n\u{2014} a c\n".to_owned(),
        };
        let text = proof.to_text();
        assert_eq!(Proof::parse(&text), Ok(proof));
        for broken in [
            text.replace("@v1", "@v2"),
            text.replace("index 3", "index x"),
            text.replace("extra ", ""),
            text.replace("AQEB", "AQE"),
            text.replace("\n\n", "\n"),
        ] {
            assert_eq!(Proof::parse(&broken), Err(BadProof::Malformed), "{broken}");
        }
    }
}
