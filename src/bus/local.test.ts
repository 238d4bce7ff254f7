import { busContract } from '../../test/contract/bus.contract.ts';
import { silentLog } from '../runtime/log.ts';
import { openLocalBus } from './local.ts';

busContract('local', async () => openLocalBus(silentLog));
