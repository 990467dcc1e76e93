"""The font of everything that is written into pictures: Noto Sans, cut to Latin, Greek and Cyrillic letters and signs.

Its licence is OFL.txt.
"""
