"""How a transfer went: as plain data (`figures`), for people (`transfer_report`).

`training_page` tells how the training of a hypernetwork went.
"""
