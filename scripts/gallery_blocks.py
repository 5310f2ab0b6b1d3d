"""The gallery's figure of block formats."""


def draw(ulp):
    raise NotImplementedError
