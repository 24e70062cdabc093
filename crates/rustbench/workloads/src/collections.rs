//! Collections of the standard library.

use core::hash::BuildHasherDefault;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};

use crate::Turn;
use crate::rng::Rng;

/// As the standard library's, but the same in each run.
type Hasher = BuildHasherDefault<DefaultHasher>;

/// Growth by `push`, where every capacity is met on the way.
pub(crate) fn vectors(percent: usize) -> Turn {
    let length = 60 * percent;
    Box::new(move || {
        // By turns, so that none has free memory behind it.
        let mut crowd: Vec<Vec<u64>> = (0..64).map(|_| Vec::new()).collect();
        for at in 0..length {
            for (number, vector) in crowd.iter_mut().enumerate() {
                vector.push((at ^ number) as u64);
            }
        }
        let mut kept: Vec<Vec<u32>> = Vec::new();
        for number in 0..length * 3 {
            let mut short = Vec::new();
            for value in 0..number as u32 % 24 {
                short.push(value);
            }
            if number % 4 == 0 {
                kept.push(short);
            }
        }
        let mut large = Vec::new();
        for value in 0..length as u64 * 100 {
            large.push(value);
        }
        let crowd: u64 = crowd.iter().map(|vector| vector.iter().sum::<u64>()).sum();
        let kept: u32 = kept.iter().map(|vector| vector.iter().sum::<u32>()).sum();
        crowd + u64::from(kept) + large.last().copied().unwrap_or(0)
    })
}

/// Half of the operations insert, half remove, in a map that grows to its usual size first.
pub(crate) fn hash_map(percent: usize) -> Turn {
    let (keys, turns) = (200 * percent, 500 * percent);
    Box::new(move || {
        let mut rng = Rng::new(1);
        let mut map: HashMap<u64, Vec<u8>, Hasher> = HashMap::default();
        let mut sum = 0;
        for _ in 0..turns {
            let key = rng.below(keys) as u64;
            if rng.below(2) == 0 {
                let value = vec![key as u8; 8 + rng.below(120)];
                sum += map.insert(key, value).map_or(0, |old| old.len());
            } else {
                sum += map.remove(&key).map_or(1, |old| old.len());
            }
        }
        (sum + map.len()) as u64
    })
}

/// Nodes of one size, which come and go one by one and by ranges.
pub(crate) fn btree_map(percent: usize) -> Turn {
    let turns = 100 * percent;
    Box::new(move || {
        let mut rng = Rng::new(2);
        let mut map: BTreeMap<u64, [u64; 3]> = BTreeMap::new();
        let mut sum = 0;
        for turn in 0..turns {
            let key = rng.next() >> 40;
            map.insert(key, [key, turn as u64, 0]);
            if turn % 3 == 0 {
                sum += map.range(key + 1..).next().map_or(0, |(next, _)| next - key);
            }
            if turn % 4 == 3 {
                sum += map.pop_first().map_or(0, |(first, _)| first & 1);
            }
            if turn % 1_000 == 999 {
                let tail = map.split_off(&(1 << 23));
                sum += tail.len() as u64;
                map.extend(tail.into_iter().filter(|(key, _)| key % 3 != 0));
            }
        }
        sum + map.len() as u64
    })
}

/// A tree of the given depth has 2^(depth + 1) - 1 nodes.
struct Tree {
    children: Option<(Box<Tree>, Box<Tree>)>,
}

impl Tree {
    fn new(depth: u32) -> Self {
        let child = || Box::new(Self::new(depth - 1));
        Self { children: (depth > 0).then(|| (child(), child())) }
    }

    fn count(&self) -> u64 {
        1 + self.children.as_ref().map_or(0, |(left, right)| left.count() + right.count())
    }
}

/// One tree lives while many smaller ones come and go.
pub(crate) fn box_trees(percent: usize) -> Turn {
    let rounds = (percent / 2).max(1);
    Box::new(move || {
        let long = Tree::new(14);
        let mut sum = 0;
        for round in 0..rounds {
            let depth = 4 + round as u32 % 3 * 4;
            for _ in 0..1_u32 << (12 - depth) {
                sum += Tree::new(depth).count();
            }
        }
        sum + long.count()
    })
}
