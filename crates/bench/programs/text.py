# Texts, lists and dictionaries: JSON there and back, regular expressions, joined and split strings.
import json
import random
import re

rng = random.Random(2)
words = ["".join(rng.choice("abcdefghij") for _ in range(rng.randrange(3, 12))) for _ in range(4_000)]
total = 0
for turn in range(2):
    rows = [
        {"id": n, "name": rng.choice(words), "tags": rng.sample(words, 5), "value": n * 0.5}
        for n in range(15_000)
    ]
    text = json.dumps(rows, indent=1)
    back = json.loads(text)
    total += len(back) + len(text)
    counts = {}
    for word in re.findall(r"[a-j]+", text):
        counts[word] = counts.get(word, 0) + 1
    lines = sorted("%s %d" % item for item in counts.items())
    total += len("\n".join(lines).split("\n"))
print(total)
