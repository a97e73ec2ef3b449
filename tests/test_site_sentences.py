"""The messages of typical mistakes in site files."""

from __future__ import annotations

import pytest

from tau3mu.clusters import load_site
from tau3mu.errors import InputError

SLURM = '[clusters.batch]\nkind = "slurm"\n'

CASES = {
    "a misspelled part": '[cluster.batch]\nkind = "slurm"\n',
    "no kind": "[clusters.batch]\nworkers = 4\n",
    "a misspelled kind": '[clusters.batch]\nkind = "slurn"\n',
    "a misspelled key": f'{SLURM}memmory = "2 GB"\n',
    "a key of another kind": '[clusters.batch]\nkind = "htcondor"\nqueue = "long"\n',
    "no image": '[clusters.pods]\nkind = "kubernetes"\n',
    "a text for a number": f'{SLURM}cores = "two"\n',
    "no worker": f"{SLURM}minimum = 0\nmaximum = 5\n",
    "more than the maximum": f"{SLURM}minimum = 10\nmaximum = 5\n",
    "two numbers of workers": f"{SLURM}workers = 10\nmaximum = 50\n",
    "a size without unit": f'{SLURM}memory = "2000"\n',
    "a time in hours": f'{SLURM}walltime = "8h"\n',
    "a variable with a blank": f'{SLURM}environment = {{ "A B" = "1" }}\n',
    "a text for a list": f'{SLURM}prologue = "source setup.sh"\n',
    "an unknown way to log in": '[clusters.hub]\nkind = "gateway"\nauth = "password"\n',
    "no certificate": '[tls]\nca_file = "ca.pem"\nkey = "key.pem"\n',
    "a number for a cluster": "[clusters]\nbatch = 4\n",
    "several mistakes": f'{SLURM}workers = "all"\nwalltime = 8\nprolog = []\n',
}


@pytest.mark.parametrize("case", CASES)
def test_sentences(case, tmp_path, sentences):
    """Fails if a message is changed by accident."""
    path = tmp_path / "site.toml"
    path.write_text(CASES[case])
    with pytest.raises(InputError) as error:
        load_site(path)
    sentences.check("site_files", case, error.value, path)


def test_every_sentence_belongs_to_a_case(sentences):
    """Fails if the golden file has sentences that nobody checks."""
    sentences.check_cases("site_files", CASES)
