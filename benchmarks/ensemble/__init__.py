"""Are ensembles better than their members, and what do they cost?"""
