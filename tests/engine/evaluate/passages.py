"""Texts that the tests measure. Recorded figures belong to them: change neither without the other."""

from __future__ import annotations

STORY = (
    "Once upon a time there was a small bear who lived in a hollow tree. Every morning he walked to the river to look "
    "for fish. One day the river was frozen. The bear sat down on the ice and cried. A fox came by and asked, “Why are "
    "you sad?” “I am hungry,” said the bear, “and the fish are under the ice.” The fox laughed. She had a long tail, "
    "and she told the bear to put his own tail into a hole and wait. The bear waited the whole night. In the morning "
    "his tail was stuck, and he pulled so hard that it came off. That is why bears have short tails.\n\n"
    "The bear was angry, but he was also clever. He made a big hole in the ice with his paws and caught seven fish. "
    "He gave one to the fox, because she had waited with him. They ate together, and from then on they were friends.\n"
)
MIXED = (
    "Section 2.1: naïve café owners in Zürich paid CHF 1,250.50 for 40 kg of coffee — 12 % more than in 2019. 🙂\n"
    "def area(r):\n    return 3.14159 * r ** 2\n\n"
    "“Здравствуйте!” said the visitor; 東京から来ました. The answer was short: no.\n"
)
