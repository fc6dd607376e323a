# Downloads the text of a recipe by mtdata, into the default CORPUS alone. Include it after corpus.mk. The recipe sets
#
#   ID_train := OPUS-ted2020-v1-eng-kor     the name in mtdata of each corpus, here of train
#   CODE_en := eng                          how mtdata begins the name of each language
#
# One corpus at a time: mtdata joins several in another order each time, and does not take eng-kor and eng-kor_Hang together.

ifeq ($(origin CORPUS),file)

# Not MTDATA: that is the folder of mtdata's cache.
MTDATA_PROGRAM ?= mtdata
GET_MTDATA := $(MTDATA_PROGRAM) is not installed; install it apart from nmt with "pipx install mtdata" (Apache 2.0, 32 MB, and 140 MB \
	for its index), or give the text of a local copy by CORPUS=dir

id = $(or $(ID_$*),$(error no corpus is called $*; set ID_$* to its name in mtdata))
languages = $(wordlist 4,5,$(subst -, ,$(id)))
part = $(CORPUS)/$*.mtdata/train-parts/$(id).$(filter $(CODE_$(1))%,$(languages))

$(CORPUS)/%.$(SRC) $(CORPUS)/%.$(TRG):
	@command -v $(MTDATA_PROGRAM) > /dev/null || { echo '$(GET_MTDATA)' >&2; exit 1; }
	@rm -rf $(CORPUS)/$*.mtdata
	$(MTDATA_PROGRAM) get --langs $(firstword $(languages))-$(lastword $(languages)) --train $(id) --out $(CORPUS)/$*.mtdata
	@$(call checked,$(call part,$(SRC)),$*.$(SRC))
	@$(call checked,$(call part,$(TRG)),$*.$(TRG))
	@mv $(call part,$(SRC)) $(CORPUS)/$*.$(SRC)
	@mv $(call part,$(TRG)) $(CORPUS)/$*.$(TRG)
	@rm -rf $(CORPUS)/$*.mtdata

endif
