"""``nivesh doctor``: asks every part that the settings name, and says what is wrong and which command mends it.

One module for each kind of part; each check reads only, and returns findings.
"""
