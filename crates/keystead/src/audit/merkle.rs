//! The Merkle tree of RFC 6962 (section 2.1), grown one leaf at a time.
//!
//! Of a tree that only grows, its frontier is enough: the roots of the complete subtrees that make
//! it up, largest first. There are as many as the size has one bits, and every append is made from
//! them alone.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 hash of a leaf or a node.
pub type Hash = [u8; 32];

/// A growing tree: how many leaves it has, and the roots of its complete subtrees.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier that a store kept; `None` when these bytes are none of a tree of this size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        let fits = rest.is_empty() && peaks.len() == size.count_ones() as usize;
        fits.then(|| Self {
            size,
            peaks: peaks.to_vec(),
        })
    }

    /// For a store to keep, beside the size.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the end.
    pub fn append(&mut self, leaf: Hash) {
        let mut peak = leaf;
        // Each one bit at the end of the size is a subtree that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("there is a peak for each one bit of the size");
            peak = node_hash(&left, &peak);
        }
        self.peaks.push(peak);
        self.size += 1;
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        match peaks.next() {
            Some(smallest) => peaks.fold(smallest, |right, left| node_hash(&left, &right)),
            None => hash(&[]),
        }
    }
}

/// The hash of a leaf's bytes.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    hash(&[&[0], bytes])
}

/// The hash of a node over two others.
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context
        .finish()
        .as_ref()
        .try_into()
        .expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight leaves and the roots after each, of certificate-transparency's reference tests
    /// (`merkletree/merkle_tree_test.cc`).
    #[test]
    fn the_reference_roots_come_out() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::default();
        assert_eq!(
            hex(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        );
        for (leaf, root) in leaves.iter().zip(roots) {
            tree.append(leaf_hash(&unhex(leaf)));
            assert_eq!(hex(&tree.root()), root, "after {} leaves", tree.size());
        }
    }

    #[test]
    fn a_frontier_reads_back_and_another_size_does_not() {
        let mut tree = Frontier::default();
        for number in 0..13_u8 {
            assert_eq!(
                Frontier::from_bytes(tree.size(), &tree.to_bytes()).unwrap(),
                tree
            );
            tree.append(leaf_hash(&[number]));
        }
        assert_eq!(Frontier::from_bytes(12, &tree.to_bytes()), None);
        assert_eq!(Frontier::from_bytes(13, &tree.to_bytes()[1..]), None);
    }

    /// RFC 6962's own definition, from all leaves at once.
    #[test]
    fn growing_gives_what_the_definition_gives() {
        fn defined(leaves: &[Hash]) -> Hash {
            match leaves {
                [one] => *one,
                _ => {
                    let split = leaves.len().next_power_of_two() / 2;
                    node_hash(&defined(&leaves[..split]), &defined(&leaves[split..]))
                }
            }
        }
        let leaves: Vec<Hash> = (0..100_u8).map(|number| leaf_hash(&[number])).collect();
        let mut tree = Frontier::default();
        for (index, leaf) in leaves.iter().enumerate() {
            tree.append(*leaf);
            assert_eq!(tree.root(), defined(&leaves[..=index]));
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }
}
