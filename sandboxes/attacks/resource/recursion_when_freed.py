"""Objects a million levels deep whose freeing recurses when the program has ended, in our code."""
# expect: passed | killed


class Link:
    def __init__(self, next_link):
        self.next_link = next_link

    def __del__(self):
        self.next_link = None


chain = None
for _ in range(200_000):
    chain = Link(chain)
