"""Checking gradients: of any function (gradcheck), of a declared op in every respect (opcheck), from the command line."""
