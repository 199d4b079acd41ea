"""x"""

CHECKS = ()
