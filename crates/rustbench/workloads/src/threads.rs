//! Blocks that one thread allocates and another frees.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::Turn;
use crate::rng::Rng;

const THREADS: usize = 2;
const PAIRS: usize = 8;

/// What a task asks another one: some bytes, and where the answer goes.
struct Message {
    body: Vec<u8>,
    answer: Option<oneshot::Sender<String>>,
}

/// Sends so many messages, and waits for the answer to every eighth.
async fn ask(messages: usize, seed: u64, channel: mpsc::Sender<Message>) -> u64 {
    let mut rng = Rng::new(seed);
    let mut sum = 0;
    for number in 0..messages {
        let body = vec![number as u8; 16 + rng.below(1000)];
        if number % 8 == 0 {
            let (sender, receiver) = oneshot::channel();
            let message = Message { body, answer: Some(sender) };
            if channel.send(message).await.is_err() {
                break;
            }
            sum += receiver.await.map_or(0, |answer| answer.len() as u64);
        } else if channel.send(Message { body, answer: None }).await.is_err() {
            break;
        }
    }
    sum
}

/// Reads until nobody asks any more.
async fn serve(mut channel: mpsc::Receiver<Message>) -> u64 {
    let mut sum = 0;
    while let Some(Message { body, answer }) = channel.recv().await {
        sum += body.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        if let Some(answer) = answer {
            // Who asks waits for it.
            let _ = answer.send(format!("{} bytes of {}", body.len(), body[0]));
        }
    }
    sum
}

/// Pairs of tasks, those that ask and those that serve.
pub(crate) fn channels(percent: usize) -> Turn {
    let messages = 10 * percent;
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).build();
    let runtime = runtime.expect("two threads can be started");
    Box::new(move || {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..PAIRS as u64)
                .flat_map(|seed| {
                    let (sender, receiver) = mpsc::channel(64);
                    [tokio::spawn(ask(messages, seed, sender)), tokio::spawn(serve(receiver))]
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.expect("no task panics");
            }
            sum
        })
    })
}

/// Each part of the text has a map of its own, which another thread may merge and drop.
pub(crate) fn fold(percent: usize) -> Turn {
    let mut rng = Rng::new(5);
    let words: Vec<String> = (0..2_000).map(|_| rng.word()).collect();
    let text: Vec<&str> = (0..100 * percent).map(|_| &*words[rng.below(words.len())]).collect();
    let text = text.join(" ");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build();
    let pool = pool.expect("two threads can be started");
    Box::new(move || {
        let count = |mut counts: BTreeMap<String, Vec<u32>>, word: &str| {
            counts.entry(word.to_owned()).or_default().push(word.len() as u32);
            counts
        };
        let merge = |mut one: BTreeMap<String, Vec<u32>>, other: BTreeMap<String, Vec<u32>>| {
            for (word, mut lengths) in other {
                one.entry(word).or_default().append(&mut lengths);
            }
            one
        };
        let counts = pool.install(|| {
            // In parts of a fixed size: the work does not depend on who steals from whom.
            let parts: Vec<&str> = text.split_ascii_whitespace().collect();
            let counts =
                parts.par_chunks(500).map(|part| part.iter().copied().fold(BTreeMap::new(), count));
            counts.reduce(BTreeMap::new, merge)
        });
        counts.iter().map(|(word, lengths)| (word.len() * lengths.len()) as u64).sum()
    })
}
