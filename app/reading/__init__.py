"""From the bytes of a body to a schema, or to what is wrong with it.

body        the way in: JSON or MessagePack into Pydantic
arrays      large bodies, their numbers read into arrays
binary      MessagePack
names       names that stand twice in an object
crowded     more names and texts than any model needs
validation  what is wrong, with pointers
wording     what is wrong with one field, in words
"""
