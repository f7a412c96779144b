"""Studies of the model: questions put to it as files, runs on all cores, results kept safely, tables and pictures.

Floors, arrows pointing down only:

    cli                                     the commands
    publish | single | describe | template  what commands leave behind
    runner                                  runs what a results folder still lacks
    rows | manifest | executors | analysis | figures | words
    store | work                            files | what a worker does
    plan                                    study -> jobs with content-hash ids
    study                                   the schema of a study file
    asked | compared | layers, factors, errors

The doors into the model are sim.parameters, sim.simulation, sim.measures and sim.errors.
"""
