"""The letter of the week to who looks after a territory: new, waiting, rising, falling silent."""
