//! A server with several threads that handles each request in a scope: whatever a request allocates ends with it, at once
//! and completely.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use allocator_api2::vec::Vec as VecIn;
use rimalloc::{OutOfMemory, Rimalloc, Scope};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

struct Request {
    text: String,
    answer: mpsc::Sender<Result<String, OutOfMemory>>,
}

/// Finds the longest words of a text. Only the answer leaves the scope: the compiler sees to that.
fn handle(text: &str) -> Result<String, OutOfMemory> {
    let scope = Scope::new()?;
    let mut words: VecIn<&str, &Scope> = VecIn::new_in(&scope);
    for word in text.split_whitespace() {
        words.push(scope.alloc_str(word)?);
    }
    words.sort_by_key(|word| core::cmp::Reverse(word.len()));
    let most = words.first().map_or(0, |word| word.len());
    let longest: Vec<&str> = words.iter().copied().take_while(|word| word.len() == most).collect();
    Ok(longest.join(" "))
}

fn serve(requests: &Mutex<mpsc::Receiver<Request>>) {
    loop {
        let next = requests.lock().expect("no server panics").recv();
        let Ok(request) = next else { return };
        // Whoever asked may have gone.
        _ = request.answer.send(handle(&request.text));
    }
}

fn main() {
    let (send, receive) = mpsc::channel();
    let receive = Arc::new(Mutex::new(receive));
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let receive = Arc::clone(&receive);
            thread::spawn(move || serve(&receive))
        })
        .collect();
    for n in 0..2000 {
        let (answer, wait) = mpsc::channel();
        let text = format!("request {n} has some words and {} others", "many ".repeat(n % 50));
        send.send(Request { text, answer }).expect("the servers live");
        let longest = wait.recv().expect("an answer").expect("memory for a request");
        assert_eq!(longest, "request");
    }
    drop(send);
    for server in servers {
        server.join().expect("no server panics");
    }
    println!("2000 requests handled\n{}", rimalloc::stats());
}
